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

test("a caller's own deadline is told as an API server that does not answer", async () => {
  const server = await fakeApiServer(() => {});
  const client = createKubeClient(server.access, { requestTimeoutMs: 60_000 });
  await assert.rejects(client.request({ path: "/x", signal: AbortSignal.timeout(20) }), (error: unknown) => {
    assert.ok(error instanceof ApiUnreachableError);
    assert.equal(error.message, "GET /x: no answer in time");
    return true;
  });
  client.close();
  await server.close();
});

test("an answer beyond the bound is not read, be it a success or a failure", async () => {
  const server = await fakeApiServer((url, response) =>
    sendJson(response, url.pathname === "/good" ? 200 : 500, { message: "x".repeat(2000) }),
  );
  const client = createKubeClient(server.access, { ...OPTIONS, maxAnswerBytes: 1000 });
  for (const path of ["/good", "/bad"]) {
    await assert.rejects(client.request({ path }), { message: `GET ${path}: the answer is larger than 1000 bytes` });
  }
  client.close();
  await server.close();
});

test("characters that arrive in two parts are whole", async () => {
  const body = Buffer.from('{"word":"é"}');
  const server = await fakeApiServer((_url, response) => {
    response.write(body.subarray(0, 10));
    setTimeout(() => response.end(body.subarray(10)), 20);
  });
  const client = createKubeClient(server.access, OPTIONS);
  assert.deepEqual(await client.request({ path: "/x" }), { word: "é" });
  client.close();
  await server.close();
});

test("a connection is kept for the next request, or every request has its own", async () => {
  const ports = new Set<number | undefined>();
  const server = await fakeApiServer((_url, response, request) => {
    ports.add(request.socket.remotePort);
    sendJson(response, 200, {});
  });
  for (const [keepAlive, connections] of [
    [true, 1],
    [false, 2],
  ] as const) {
    ports.clear();
    const client = createKubeClient(server.access, { ...OPTIONS, keepAlive });
    await client.request({ path: "/x" });
    await client.request({ path: "/x" });
    assert.equal(ports.size, connections);
    client.close();
  }
  await server.close();
});
