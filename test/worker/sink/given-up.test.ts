import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type FakeKinesis, startFakeKinesis } from "../../fakes/kinesis.ts";
import { until } from "../../until.ts";
import { cuttableNetwork, STREAM, sinkOn } from "./cuttable-network.ts";

/** A request that fits into the kernel's buffers: it counts as sent for the program once they have it. */
const DATA = Buffer.alloc(300_000, "x");

let fake: FakeKinesis;
before(async () => {
  fake = await startFakeKinesis({ streams: { [STREAM]: 1 }, tls: true });
});
after(() => fake.close());

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
