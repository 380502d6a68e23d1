import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import { systemClock } from "../../../runtime/clock.ts";
import { proxyVariables, tunnelProxy } from "../../../runtime/proxy.ts";
import { createKinesisSink } from "../../../worker/sink/client.ts";
import { createCredentials } from "../../../worker/sink/credentials.ts";
import type { Sink } from "../../../worker/sink/sink.ts";
import { type FakeKinesis, startFakeKinesis } from "../../fakes/kinesis.ts";
import { until } from "../../until.ts";

const STREAM = "orders";
const never = new AbortController().signal;
let fake: FakeKinesis;
before(async () => {
  fake = await startFakeKinesis({ streams: { [STREAM]: 1 }, tls: true });
});
after(() => fake.close());

/** A proxy that opens ways to hosts, if it is asked with the password; `ended` is how its clients ended. */
async function startProxy(t: TestContext, password = "") {
  const asked: string[] = [];
  const ended: string[] = [];
  const sockets = new Set<Socket>();
  const hold = { upstream: false };
  const server = createServer((_, response) => response.writeHead(400).end());
  server.on("connect", (request, client: Socket) => {
    asked.push(request.url ?? "");
    sockets.add(client);
    client.on("error", (error: NodeJS.ErrnoException) => ended.push(error.code ?? ""));
    const given = Buffer.from((request.headers["proxy-authorization"] ?? "").slice(6), "base64").toString();
    if (password !== "" && given !== `me:${password}`) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const [host = "", port] = (request.url ?? "").split(":");
    const upstream = connect(Number(port), host, () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
    sockets.add(upstream);
    upstream.on("error", () => client.destroy());
    upstream.pipe(client);
    client.on("data", (chunk) => hold.upstream || upstream.write(chunk));
    client.on("close", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { asked, ended, hold, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function sinkBy(t: TestContext, proxy: Readonly<Record<string, string>>, requestTimeout = 20_000): Sink {
  const limits = { connectTimeout: 5_000, requestTimeout, skipCertificateValidation: true, clock: systemClock };
  const sink = createKinesisSink({
    ...limits,
    ...{ stream: STREAM, region: undefined, endpoint: fake.tlsUrl, endpointPort: undefined, maxConnections: 4, proxy },
    credentials: createCredentials({
      ...limits,
      ...{ pluginName: "", region: undefined, stsEndpoint: undefined, stsPort: undefined },
      readParam: async () => '{"accessKey":"key","secretKey":"secret"}',
    }),
    userAgent: { name: "test", version: "1" },
  });
  t.after(() => sink.close());
  return sink;
}

test("requests go by the proxy that HTTPS_PROXY names, with its user", async (t) => {
  const proxy = await startProxy(t, "p@ss:word");
  const sink = sinkBy(t, { HTTPS_PROXY: `http://me:p%40ss%3Aword@${proxy.address}` });
  const outcome = await sink.put([{ data: Buffer.from("x"), partitionKey: "k" }], never);
  assert.equal(outcome.kind, "answered");
  assert.deepEqual(proxy.asked, [new URL(fake.tlsUrl).host]);
});

test("a proxy that refuses is told by its status, and nothing was sent", async (t) => {
  const proxy = await startProxy(t, "another");
  const sink = sinkBy(t, { https_proxy: `http://me:s3cret@${proxy.address}` });
  const outcome = await sink.put([{ data: Buffer.from("x"), partitionKey: "k" }], never);
  assert.ok(outcome.kind === "failed");
  assert.match(outcome.failure.message, /No connection to .*\(PROXY_407\)/);
  assert.doesNotMatch(outcome.failure.message, /s3cret/);
  assert.equal(outcome.failure.ambiguous, false);
});

test("hosts of NO_PROXY are reached without it", async (t) => {
  const proxy = await startProxy(t);
  const sink = sinkBy(t, { HTTPS_PROXY: `http://${proxy.address}`, NO_PROXY: "example.com, 127.0.0.1" });
  await sink.describe(never);
  assert.deepEqual(proxy.asked, []);
});

test("a request that is given up is reset on its way through the proxy", async (t) => {
  const proxy = await startProxy(t);
  const sink = sinkBy(t, { HTTPS_PROXY: `http://${proxy.address}` }, 1_000);
  await sink.describe(never);
  proxy.hold.upstream = true;
  const outcome = await sink.put([{ data: Buffer.alloc(300_000), partitionKey: "k" }], never);
  assert.ok(outcome.kind === "failed" && outcome.failure.ambiguous);
  await until("the proxy sees a reset", async () => proxy.ended.includes("ECONNRESET"));
});

test("NO_PROXY names hosts, domains and ports", () => {
  const through = (list: string, host: string, port = 443): boolean =>
    tunnelProxy({ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: list }, host, port) !== null;
  for (const [list, host, port] of [
    ["*", "a.b", 443],
    ["a.b", "a.b", 443],
    ["a.b", "x.a.b", 443],
    [".a.b", "x.a.b", 443],
    ["*.a.b", "x.a.b", 443],
    ["z, A.B:8443", "a.b", 8443],
    ["::1", "::1", 443],
  ] as const) {
    assert.equal(through(list, host, port), false, `${list} ${host}`);
  }
  assert.equal(through("a.b", "xa.b"), true);
  assert.equal(through("a.b:8443", "a.b"), true);
  assert.equal(through("0.0.1", "127.0.0.1"), true);
  assert.equal(through("", "a.b"), true);
});

test("only the variables that name proxies are taken from the environment, and a wrong one is not repeated", () => {
  const variables = proxyVariables({ HTTPS_PROXY: "http://p:1", no_proxy: "a", HTTP_PROXY: "", SECRET: "x" });
  assert.deepEqual(variables, { HTTPS_PROXY: "http://p:1", no_proxy: "a" });
  assert.throws(() => proxyVariables({ https_proxy: "socks5://me:s3cret@p" }), {
    message: "https_proxy is no http:// URL: write http://proxy.example.com:3128",
  });
});
