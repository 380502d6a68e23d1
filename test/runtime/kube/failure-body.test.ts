import assert from "node:assert/strict";
import { test } from "node:test";
import { createKubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { fakeApiServer } from "../../fakes/api-server.ts";

const BODIES = ["null", "5", "[]", '"text"', '{"reason":7,"message":{"a":1},"code":"x"}', "<html>", ""];

for (const body of BODIES) {
  test(`an answer is the failure that its status says, whatever its body is: ${body}`, async () => {
    const server = await fakeApiServer((_, response) => response.writeHead(404).end(body));
    const client = createKubeClient(server.access, { requestTimeoutMs: 20_000 });
    try {
      await assert.rejects(client.request({ path: "/api/v1/pods/x" }), (error) => {
        assert.ok(error instanceof ApiError, String(error));
        assert.deepEqual([error.status, error.reason], [404, ""]);
        return true;
      });
    } finally {
      client.close();
      await server.close();
    }
  });
}

test("the message of a failure is shown as far as it can be read", async () => {
  const message = `.status.mood: field not declared in schema ${"x".repeat(1 << 20)}`;
  const server = await fakeApiServer((_, response) => response.writeHead(500).end(JSON.stringify({ message })));
  const client = createKubeClient(server.access, { requestTimeoutMs: 20_000 });
  try {
    await assert.rejects(client.request({ path: "/api/v1/pods/x" }), (error: Error) => {
      assert.match(error.message, /^GET \/api\/v1\/pods\/x: 500 +\.status\.mood: field not declared/);
      assert.ok(error.message.length < 5_000, `${error.message.length} characters`);
      return true;
    });
  } finally {
    client.close();
    await server.close();
  }
});
