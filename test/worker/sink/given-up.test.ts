import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../../runtime/clock.ts";
import { createKinesisSink } from "../../../worker/sink/client.ts";
import { createCredentials } from "../../../worker/sink/credentials.ts";
import type { Sink } from "../../../worker/sink/sink.ts";
import { type FakeKinesis, startFakeKinesis } from "../../fakes/kinesis.ts";
import { until } from "../../until.ts";

const STREAM = "orders";
/** A request that fits into the kernel's buffers: it counts as sent for the program once they have it. */
const DATA = Buffer.alloc(300_000, "x");

let fake: FakeKinesis;
before(async () => {
  fake = await startFakeKinesis({ streams: { [STREAM]: 1 }, tls: true });
});
after(() => fake.close());

/** A network between worker and endpoint that can be cut: what the worker's kernel sends meanwhile arrives when it ends. */
async function cuttableNetwork(target: string) {
  const { port: targetPort, protocol } = new URL(target);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((client) => {
    const upstream = connect(Number(targetPort), "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.on("data", (chunk) => upstream.write(chunk));
    client.on("close", () => upstream.end());
    upstream.pipe(client);
    if (isCut) client.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const clients = () => [...sockets].filter((socket) => socket.localPort === port);
  return {
    url: `${protocol}//127.0.0.1:${port}`,
    cut: () => {
      isCut = true;
      for (const client of clients()) client.pause();
    },
    mend: () => {
      isCut = false;
      for (const client of clients()) client.resume();
    },
    ended: () => clients().every((client) => client.destroyed),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function sinkOn(endpoint: string, requestTimeout: number): Sink {
  const limits = { connectTimeout: 5_000, requestTimeout, skipCertificateValidation: true, clock: systemClock };
  return createKinesisSink({
    ...limits,
    ...{ stream: STREAM, region: undefined, endpoint, endpointPort: undefined, maxConnections: 4 },
    credentials: createCredentials({
      ...limits,
      ...{ pluginName: "", region: undefined, stsEndpoint: undefined, stsPort: undefined },
      readParam: async () => '{"accessKey":"key","secretKey":"secret"}',
    }),
    userAgent: { name: "test", version: "1" },
  });
}

const executed = () => fake.stream(STREAM).shards.reduce((sum, shard) => sum + shard.count, 0);

for (const [scheme, address] of [
  ["http", () => fake.url],
  ["https", () => fake.tlsUrl],
] as const) {
  for (const how of ["deadline", "abort"] as const) {
    test(`a request that was given up during a cut is never executed: ${how}, ${scheme}`, async () => {
      const network = await cuttableNetwork(address());
      const sink = sinkOn(network.url, how === "deadline" ? 1_000 : 20_000);
      try {
        const first = await sink.put([{ data: Buffer.from("a"), partitionKey: "k" }], new AbortController().signal);
        assert.equal(first.kind, "answered", "the connection is open and kept");
        const before = executed();
        network.cut();
        const abort = new AbortController();
        const outcome = sink.put([{ data: DATA, partitionKey: "k" }], abort.signal);
        if (how === "abort") {
          await delay(500);
          abort.abort();
        }
        const { kind } = await outcome;
        assert.equal(kind, "failed");
        network.mend();
        await until("the connection is gone on both sides", async () => network.ended(), { pollMs: 20 });
        const last = await sink.put([{ data: Buffer.from("b"), partitionKey: "k" }], new AbortController().signal);
        assert.equal(last.kind, "answered");
        assert.equal(executed() - before, 1, "what was given up is not among what was executed");
      } finally {
        sink.close();
        network.close();
      }
    });
  }
}
