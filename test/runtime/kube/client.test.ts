import assert from "node:assert/strict";
import { test } from "node:test";
import { createKubeClient } from "../../../runtime/kube/client.ts";
import { ApiError, ApiUnreachableError } from "../../../runtime/kube/errors.ts";
import { fakeApiServer, sendJson } from "../../fakes/api-server.ts";

const OPTIONS = { userAgent: "test", requestTimeoutMs: 300 };

test("a refusal carries status, reason and message", async () => {
  const server = await fakeApiServer((_url, response) =>
    sendJson(response, 429, { reason: "TooManyRequests", message: "slow down" }),
  );
  const client = createKubeClient(server.access, OPTIONS);
  await assert.rejects(client.request({ path: "/x" }), (error: unknown) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.reason], [429, "TooManyRequests"]);
    assert.equal(error.message, "GET /x: 429 TooManyRequests slow down");
    return true;
  });
  client.close();
  await server.close();
});

test("an answer that stalls after its headers is given up at the deadline", async () => {
  const server = await fakeApiServer((_url, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write('{"kind":');
  });
  const client = createKubeClient(server.access, OPTIONS);
  await assert.rejects(client.request({ path: "/x" }), (error: unknown) => {
    assert.ok(error instanceof ApiUnreachableError);
    assert.match(error.message, /no answer within 300 ms/);
    return true;
  });
  client.close();
  await server.close();
});

test("an abort is told as such, not as a failure of the server", async () => {
  const server = await fakeApiServer(() => {});
  const client = createKubeClient(server.access, OPTIONS);
  const stop = new AbortController();
  const sent = client.request({ path: "/x", signal: stop.signal });
  stop.abort(new Error("stopping"));
  await assert.rejects(sent, /stopping/);
  client.close();
  await server.close();
});
