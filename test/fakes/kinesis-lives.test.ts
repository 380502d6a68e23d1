import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CreateStreamCommand, DeleteStreamCommand } from "@aws-sdk/client-kinesis";
import { createShardMap } from "../../worker/sink/shard-map.ts";
import type { Sink } from "../../worker/sink/sink.ts";
import { startKinesis } from "../env/kinesis/emulator.ts";
import { until } from "../until.ts";
import { startFakeKinesis } from "./kinesis.ts";
import { createConformanceBench, type KinesisEndpoint } from "./kinesis-conformance.ts";

const never = new AbortController().signal;

async function emulator(): Promise<KinesisEndpoint> {
  const { endpoint, endpointTls = "", close } = await startKinesis({ log: () => undefined });
  return { url: endpoint, tlsUrl: endpointTls, close };
}

/** The shards as they are listed, and what a record of the first one is told. */
async function life(sink: Sink) {
  const map = createShardMap(await sink.listShards(never));
  const outcome = await sink.put([{ data: Buffer.from("x"), partitionKey: "k", explicitHashKey: "0" }], never);
  const record = outcome.kind === "answered" ? outcome.records[0] : undefined;
  assert.ok(record?.accepted);
  return { map, record };
}

for (const [name, start] of [
  ["the fake", () => startFakeKinesis({ tls: true })],
  ["kinesis-local", emulator],
] as const) {
  test(`sequence numbers of ${name} tell to which life of a stream their shard belongs`, async () => {
    const bench = createConformanceBench(await start());
    try {
      const StreamName = await bench.newStream(2);
      const sink = bench.sinkOn(StreamName);
      const former = await life(sink);
      await bench.client.send(new DeleteStreamCommand({ StreamName }));
      const again = () => bench.client.send(new CreateStreamCommand({ StreamName, ShardCount: 4 }));
      // The service takes longer over it than a second.
      await delay(1_000);
      await until("it is made anew", again, { pollMs: 50 });
      await bench.untilActive(StreamName);
      const latter = await life(sink);
      const holds = ({ map }: typeof former, { record }: typeof former) =>
        map.holds(record.shardId, record.sequenceNumber);
      assert.deepEqual([holds(former, former), holds(latter, latter)], [true, true]);
      assert.equal(latter.map.get(former.record.shardId)?.open, true);
      assert.deepEqual([holds(former, latter), holds(latter, former)], [false, false]);
      assert.equal(former.map.livesOnIn(latter.map), false);
    } finally {
      await bench.close();
    }
  });
}
