import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createHttpClient } from "../../runtime/http-client.ts";
import { createPulsarAdmin, type PulsarAdmin } from "../../worker/pulsar-admin.ts";

const never = new AbortController().signal;

async function adminOf(t: TestContext, answer: (response: ServerResponse) => void): Promise<PulsarAdmin> {
  const server = createServer((_, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return createPulsarAdmin(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    authentication: null,
    tls: {},
  });
}

test("an answer is parsed, and its headers are there to be asked for", async (t) => {
  const admin = await adminOf(t, (response) => {
    response.setHeader("x-version", "AAAA");
    response.end('{"msgBacklog":3}');
  });
  assert.deepEqual(await admin.get("/admin/v2/topic", never), { msgBacklog: 3 });
  assert.equal(await admin.header("/admin/v2/topic", "x-version", never), "AAAA");
  assert.equal(await admin.header("/admin/v2/topic", "x-other", never), null);
});

test("a status that is not 200 is an error that names it and the URL", async (t) => {
  const admin = await adminOf(t, (response) => response.writeHead(404).end("no such topic"));
  await assert.rejects(() => admin.get("/admin/v2/topic", never), /^Error: http:.*\/admin\/v2\/topic answered 404$/);
});

test("an answer of more than 16 MiB is given up", async (t) => {
  const admin = await adminOf(t, (response) => response.end(Buffer.alloc(16 * 1024 * 1024 + 1, " ")));
  await assert.rejects(() => admin.get("/admin/v2/topic", never), /^Error: http:.*larger than 16777216 bytes$/);
});

test("requests go by the proxy of the environment, but to hosts of NO_PROXY", async (t) => {
  const asked: (string | undefined)[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url);
    response.end("{}");
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close());
  const HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const send = createHttpClient({ HTTP_PROXY, NO_PROXY: "127.0.0.1" });
  const admin = createPulsarAdmin("http://pulsar.example:8080", { authentication: null, tls: {} }, send);
  assert.deepEqual(await admin.get("/admin/v2/topic", never), {});
  assert.deepEqual(asked, ["http://pulsar.example:8080/admin/v2/topic"]);
  const near = createPulsarAdmin("http://127.0.0.1:1", { authentication: null, tls: {} }, send);
  await assert.rejects(() => near.get("/admin/v2/topic", never), /ECONNREFUSED/);
});
