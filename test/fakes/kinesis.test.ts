/** What the fake endpoint and the emulator have in common, as one specification that both must meet. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  MergeShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { aggregateRecord, createAggregateBuilder } from "../../worker/sink/aggregate.ts";
import { hashKey } from "../../worker/sink/hash-key.ts";
import { createShardMap } from "../../worker/sink/shard-map.ts";
import { startKinesis } from "../env/kinesis/emulator.ts";
import { until } from "../until.ts";
import { startFakeKinesis } from "./kinesis.ts";
import {
  type ConformanceBench,
  createConformanceBench,
  type KinesisEndpoint,
  putAll,
  refusesAll,
} from "./kinesis-conformance.ts";
import { readStream } from "./read-stream.ts";

const endpoints: Readonly<Record<string, () => Promise<KinesisEndpoint>>> = {
  "the fake": () => startFakeKinesis({ tls: true }),
  "kinesis-local": async () => {
    const emulator = await startKinesis({ log: () => undefined });
    return { url: emulator.endpoint, tlsUrl: emulator.endpointTls ?? "", close: () => emulator.close() };
  },
};

const never = new AbortController().signal;

for (const [name, start] of Object.entries(endpoints)) {
  describe(`conformance of ${name}`, () => {
    let bench: ConformanceBench;

    before(async () => {
      bench = createConformanceBench(await start());
    });
    after(() => bench.close());

    test("records go to the shard that the map of shards predicts, by key and by explicit hash key", async () => {
      const sink = bench.sinkOn(await bench.newStream(4));
      const map = createShardMap(await sink.listShards(never));
      assert.equal(map.open.length, 4);
      const keys = Array.from({ length: 40 }, (_, index) => `ключ-${index}`);
      const byKey = keys.map((partitionKey) => ({ data: Buffer.from("x"), partitionKey }));
      assert.deepEqual(
        await putAll(sink, byKey),
        keys.map((key) => map.shardOf(hashKey(key))?.shardId),
      );
      const byHash = map.open.flatMap(({ startingHashKey, endingHashKey }) =>
        [startingHashKey, endingHashKey].map((hash) => ({
          data: Buffer.from("x"),
          partitionKey: "same",
          explicitHashKey: hash.toString(),
        })),
      );
      assert.deepEqual(
        await putAll(sink, byHash),
        map.open.flatMap(({ shardId }) => [shardId, shardId]),
      );
    });

    test("what was put is read back, byte for byte, in order of growing sequence numbers", async () => {
      const stream = await bench.newStream(2);
      const sink = bench.sinkOn(stream);
      const sent = Array.from({ length: 60 }, (_, index) => ({
        data: Buffer.from(Array.from({ length: index * 7 }, (__, byte) => (byte * index) % 256)),
        partitionKey: index % 2 === 0 ? 'even 🔑 "\\\u0001' : `odd-${index}`,
      }));
      for (const record of sent) if (record.data.length > 0) await putAll(sink, [record]);
      const { records, byShard } = await readStream(bench.endpoint.url, stream);
      assert.equal(records.length, 59);
      const evens = records.filter(({ partitionKey }) => partitionKey.startsWith("even"));
      assert.deepEqual(
        evens.map(({ data }) => data.toString("hex")),
        sent.filter(({ data }, index) => index % 2 === 0 && data.length > 0).map(({ data }) => data.toString("hex")),
      );
      for (const shard of byShard.values()) {
        const numbers = shard.map(({ sequenceNumber }) => BigInt(sequenceNumber));
        assert.ok(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0n)));
      }
    });

    test("records of one request that share a shard get growing sequence numbers", async () => {
      const outcome = await bench.sinkOn(await bench.newStream(1)).put(
        Array.from({ length: 20 }, (_, index) => ({ data: Buffer.from([index]), partitionKey: "k" })),
        never,
      );
      assert.ok(outcome.kind === "answered");
      const numbers = outcome.records.map((record) => (record.accepted ? BigInt(record.sequenceNumber) : 0n));
      assert.ok(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0n)));
    });

    test("PutRecord with SequenceNumberForOrdering is accepted", async () => {
      const StreamName = await bench.newStream(1);
      const Data = Buffer.from("x");
      const first = await bench.client.send(new PutRecordCommand({ StreamName, Data, PartitionKey: "k" }));
      const second = await bench.client.send(
        new PutRecordCommand({ StreamName, Data, PartitionKey: "k", SequenceNumberForOrdering: first.SequenceNumber }),
      );
      assert.ok(BigInt(second.SequenceNumber ?? 0) > BigInt(first.SequenceNumber ?? 0));
    });

    test("a split closes the parent and divides its range between two children", async () => {
      const StreamName = await bench.newStream(1);
      const sink = bench.sinkOn(StreamName);
      await putAll(sink, [{ data: Buffer.from("before"), partitionKey: "k" }]);
      const middle = 1n << 126n;
      const ShardToSplit = "shardId-000000000000";
      await bench.client.send(
        new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey: middle.toString() }),
      );
      await bench.untilActive(StreamName);
      const shards = await sink.listShards(never);
      assert.deepEqual(
        shards.map(({ open, parents, startingHashKey, endingHashKey }) => [
          open,
          parents,
          startingHashKey,
          endingHashKey,
        ]),
        [
          [false, [], 0n, (1n << 128n) - 1n],
          [true, [ShardToSplit], 0n, middle - 1n],
          [true, [ShardToSplit], middle, (1n << 128n) - 1n],
        ],
      );
      const map = createShardMap(shards);
      assert.deepEqual(await putAll(sink, [{ data: Buffer.from("after"), partitionKey: "k" }]), [
        map.shardOf(hashKey("k"))?.shardId,
      ]);
      const { records } = await readStream(bench.endpoint.url, StreamName);
      assert.deepEqual(
        records.map(({ data }) => data.toString()),
        ["before", "after"],
      );
      assert.equal((await sink.describe(never)).openShards, 2);
    });

    test("a merge closes two neighbours and names both as parents", async () => {
      const StreamName = await bench.newStream(2);
      const [ShardToMerge, AdjacentShardToMerge] = ["shardId-000000000000", "shardId-000000000001"];
      await bench.client.send(new MergeShardsCommand({ StreamName, ShardToMerge, AdjacentShardToMerge }));
      await bench.untilActive(StreamName);
      const shards = await bench.sinkOn(StreamName).listShards(never);
      assert.deepEqual(
        shards.map(({ open }) => open),
        [false, false, true],
      );
      assert.deepEqual(shards[2]?.parents, [ShardToMerge, AdjacentShardToMerge]);
      assert.equal(shards[2]?.endingHashKey, (1n << 128n) - 1n);
    });

    test("aggregates are expanded by the reader, and one that strays from its shard is dropped whole", async () => {
      const stream = await bench.newStream(2);
      const sink = bench.sinkOn(stream);
      const map = createShardMap(await sink.listShards(never));
      const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
      const [low = []] = map.open.map(({ shardId }) =>
        keys.filter((key) => map.shardOf(hashKey(key))?.shardId === shardId),
      );
      const stray = keys.find((key) => !low.includes(key)) ?? assert.fail();
      for (const inside of [low, [...low, stray]]) {
        const builder = createAggregateBuilder();
        const records = inside.map((key) => ({ partitionKey: key, data: Buffer.from(`data of ${key}`) }));
        for (const { partitionKey, data } of records) builder.add(partitionKey, data.length);
        await putAll(sink, [aggregateRecord(builder, records)]);
      }
      const content = await readStream(bench.endpoint.url, stream);
      assert.deepEqual(
        content.records.map(({ partitionKey }) => partitionKey),
        low,
      );
      assert.ok(content.records.every(({ data, partitionKey }) => data.toString() === `data of ${partitionKey}`));
      assert.deepEqual([content.droppedAggregates, content.droppedRecords], [1, low.length + 1]);
    });

    test("a closed and drained shard has no next iterator; an open one has", async () => {
      const StreamName = await bench.newStream(1);
      await putAll(bench.sinkOn(StreamName), [{ data: Buffer.from("x"), partitionKey: "k" }]);
      const read = async (): Promise<string | undefined> => {
        const from = { StreamName, ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" } as const;
        const { ShardIterator } = await bench.client.send(new GetShardIteratorCommand(from));
        const answer = await bench.client.send(new GetRecordsCommand({ ShardIterator }));
        assert.equal(answer.Records?.length, 1);
        return answer.NextShardIterator;
      };
      assert.ok(await read());
      const split = { StreamName, ShardToSplit: "shardId-000000000000", NewStartingHashKey: "1000" };
      await bench.client.send(new SplitShardCommand(split));
      await bench.untilActive(StreamName);
      assert.equal(await read(), undefined);
    });

    test("an iterator after a sequence number leaves that record out", async () => {
      const StreamName = await bench.newStream(1);
      const sink = bench.sinkOn(StreamName);
      await putAll(
        sink,
        ["a", "b", "c"].map((text) => ({ data: Buffer.from(text), partitionKey: "k" })),
      );
      const { records } = await readStream(bench.endpoint.url, StreamName);
      const StartingSequenceNumber = records[0]?.sequenceNumber;
      const texts: string[][] = [];
      for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"] as const) {
        const from = { StreamName, ShardId: "shardId-000000000000", ShardIteratorType, StartingSequenceNumber };
        const { ShardIterator } = await bench.client.send(new GetShardIteratorCommand(from));
        const answer = await bench.client.send(new GetRecordsCommand({ ShardIterator }));
        texts.push((answer.Records ?? []).map(({ Data }) => Buffer.from(Data ?? []).toString()));
      }
      assert.deepEqual(texts, [
        ["a", "b", "c"],
        ["b", "c"],
      ]);
    });

    test("a stream that does not exist, or no longer does, is not found", async () => {
      const StreamName = await bench.newStream(1);
      await bench.client.send(new DeleteStreamCommand({ StreamName }));
      const gone = () =>
        bench
          .sinkOn(StreamName)
          .describe(never)
          .then(
            () => false,
            () => true,
          );
      await until("it is gone", gone, { pollMs: 50 });
      for (const stream of ["never-made", StreamName]) {
        const outcome = await bench.sinkOn(stream).put([{ data: Buffer.from("x"), partitionKey: "k" }], never);
        assert.equal(outcome.kind === "failed" && outcome.failure.code, "StreamNotFound");
        await assert.rejects(() => bench.sinkOn(stream).describe(never), { code: "StreamNotFound" });
      }
    });

    test("a stream that exists is not made again", async () => {
      const StreamName = await bench.newStream(1);
      const again = bench.client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      await assert.rejects(() => again, { name: "ResourceInUseException" });
    });

    test("what breaks a limit is refused whole, as invalid", async () => {
      const sink = bench.sinkOn(await bench.newStream(1));
      const good = { data: Buffer.from("x"), partitionKey: "k" };
      await refusesAll(sink, {
        "an empty key": [good, { ...good, partitionKey: "" }],
        "a key of 257 characters": [good, { ...good, partitionKey: "k".repeat(257) }],
        "a hash key above 128 bits": [good, { ...good, explicitHashKey: (1n << 128n).toString() }],
      });
      // Limits of the service (API reference, PutRecords) that the emulator does not check.
      if (name !== "the fake") return;
      await refusesAll(sink, {
        "no records": [],
        "501 records": Array.from({ length: 501 }, () => good),
        "a record above 1 MiB": [good, { ...good, data: Buffer.alloc(1_048_576) }],
        "more than 10 MiB": Array.from({ length: 11 }, () => ({ ...good, data: Buffer.alloc(1_000_000) })),
      });
    });

    test("the largest record passes", async () => {
      const sink = bench.sinkOn(await bench.newStream(1));
      await putAll(sink, [{ data: Buffer.alloc(1_048_576 - 1, 7), partitionKey: "k" }]);
    });

    test("streams are found by ARN, and over TLS", async () => {
      const stream = await bench.newStream(1);
      const { arn } = await bench.sinkOn(stream).describe(never);
      await putAll(bench.sinkOn(arn, bench.endpoint.tlsUrl), [{ data: Buffer.from("x"), partitionKey: "k" }]);
      assert.equal((await readStream(bench.endpoint.tlsUrl, stream)).records.length, 1);
      assert.equal(
        (await bench.client.send(new DescribeStreamCommand({ StreamARN: arn }))).StreamDescription?.StreamName,
        stream,
      );
    });

    test("the SDK's own serialisation is understood too", async () => {
      const StreamName = await bench.newStream(1);
      const Records = [{ Data: Buffer.from("x"), PartitionKey: "k" }];
      const answer = await bench.client.send(new PutRecordsCommand({ StreamName, Records }));
      assert.equal(answer.Records?.[0]?.ShardId, "shardId-000000000000");
    });
  });
}
