import assert from "node:assert/strict";
import { test } from "node:test";
import { createKubeClient } from "../../../runtime/kube/client.ts";
import { retryAfterMs } from "../../../runtime/kube/errors.ts";
import { fakeApiServer } from "../../fakes/api-server.ts";

/** What a refusal with this header asks to wait for, milliseconds. */
async function asked(header: string | undefined): Promise<number> {
  const server = await fakeApiServer((_url, response) => {
    response.writeHead(429, header === undefined ? {} : { "retry-after": header });
    response.end(JSON.stringify({ kind: "Status", code: 429, reason: "TooManyRequests" }));
  });
  const client = createKubeClient(server.access, { requestTimeoutMs: 60_000 });
  try {
    return await client.request({ path: "/pods" }).then(
      () => assert.fail("it is refused"),
      (error: unknown) => retryAfterMs(error),
    );
  } finally {
    client.close();
    await server.close();
  }
}

test("a refusal carries the seconds that the server asks to wait, bounded", async () => {
  assert.equal(await asked("7"), 7_000);
  assert.equal(await asked("86400"), 300_000);
  assert.equal(await asked(undefined), 0);
  assert.equal(await asked("soon"), 0);
});
