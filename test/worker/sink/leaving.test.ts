/** Whether a request may be written is asked when its bytes are about to leave, however long it had to wait for that. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { RequestOutcome, Sink } from "../../../worker/sink/sink.ts";
import { type FakeKinesis, startFakeKinesis } from "../../fakes/kinesis.ts";
import { until } from "../../until.ts";
import { cuttableNetwork, STREAM, sinkOn } from "./cuttable-network.ts";

let fake: FakeKinesis;
before(async () => {
  fake = await startFakeKinesis({ streams: { [STREAM]: 1 }, tls: true });
});
after(() => fake.close());

const executed = () => fake.stream(STREAM).shards.reduce((sum, shard) => sum + shard.count, 0);

/** Puts records that may be written until `isOver`. */
function putUntilOver(sink: Sink, bytes: number, count = 1) {
  const abort = new AbortController();
  const lease = { isOver: false, asked: 0 };
  const records = Array.from({ length: count }, () => ({ data: Buffer.alloc(bytes, "x"), partitionKey: "k" }));
  const outcome = sink.put(records, abort.signal, () => {
    lease.asked += 1;
    if (lease.isOver) setImmediate(() => abort.abort());
    return !lease.isOver;
  });
  return { lease, outcome };
}

function failed(outcome: RequestOutcome): { readonly ambiguous: boolean } {
  assert.equal(outcome.kind, "failed");
  return outcome.failure;
}

for (const [scheme, address] of [
  ["http", () => fake.url],
  ["https", () => fake.tlsUrl],
] as const) {
  describe(`a request that may be written no longer, ${scheme}`, () => {
    test("does not leave between two parts of its body", async () => {
      const network = await cuttableNetwork(address());
      const sink = sinkOn(network.url, 20_000);
      try {
        const first = putUntilOver(sink, 1);
        assert.equal((await first.outcome).kind, "answered");
        assert.equal(first.lease.asked, 1);
        const before = executed();
        network.cut();
        // More than the kernels on the way take.
        const { lease, outcome } = putUntilOver(sink, 1_000_000, 30);
        let asked = 0;
        const isStill = async (): Promise<boolean> => {
          const before = asked;
          asked = lease.asked;
          return asked > 0 && asked === before;
        };
        await until("nothing more is taken", isStill, { pollMs: 200 });
        lease.isOver = true;
        network.mend();
        assert.equal(failed(await outcome).ambiguous, true);
        await delay(300);
        assert.equal(executed(), before);
      } finally {
        sink.close();
        network.close();
      }
    });

    test("does not leave once a socket is free, and was certainly not executed", async () => {
      const network = await cuttableNetwork(address());
      const sink = sinkOn(network.url, 20_000, 1);
      try {
        network.cut();
        const first = putUntilOver(sink, 1);
        const second = putUntilOver(sink, 1);
        await delay(100);
        second.lease.isOver = true;
        const before = executed();
        network.mend();
        assert.equal((await first.outcome).kind, "answered");
        assert.equal(failed(await second.outcome).ambiguous, false);
        assert.equal(executed() - before, 1);
      } finally {
        sink.close();
        network.close();
      }
    });
  });
}

test("a request does not leave before its connection is encrypted, and was certainly not executed", async () => {
  const network = await cuttableNetwork(fake.tlsUrl);
  const sink = sinkOn(network.url, 20_000);
  try {
    network.cut();
    const before = executed();
    const { lease, outcome } = putUntilOver(sink, 1);
    await delay(200);
    assert.equal(lease.asked, 0);
    lease.isOver = true;
    network.mend();
    assert.equal(failed(await outcome).ambiguous, false);
    assert.equal(executed(), before);
  } finally {
    sink.close();
    network.close();
  }
});
