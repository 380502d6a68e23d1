import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { aggregateRecord, createAggregateBuilder } from "../../../worker/sink/aggregate.ts";
import { hashKey } from "../../../worker/sink/hash-key.ts";
import { decodeAggregate } from "../../fakes/aggregate.ts";

interface OracleRecord {
  readonly partitionKey: string;
  readonly data: Buffer | string;
}

/** The public de-aggregator for Node.js, as an independent reader and writer of the format. */
const oracle = createRequire(import.meta.url)("aws-kinesis-agg") as {
  deaggregateSync(
    record: { data: string; partitionKey: string; sequenceNumber: string },
    computeChecksums: boolean,
    done: (error: Error | null, records: readonly OracleRecord[]) => void,
  ): void;
  aggregate(
    records: readonly { partitionKey: string; data: Buffer }[],
    onAggregate: (aggregate: { data: Buffer }, done: (error?: Error) => void) => void,
    onDone: () => void,
    onError: (error: Error) => void,
  ): void;
};

const keys = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((key) => key.isWellFormed());
const userRecords = fc.array(
  fc.record({
    key: fc.oneof(fc.constantFrom("a", "b", "ключ", "🔑"), keys),
    data: fc.uint8Array({ maxLength: 300 }),
  }),
  { minLength: 1, maxLength: 200 },
);

function build(records: readonly { key: string; data: Uint8Array }[]): Buffer {
  const builder = createAggregateBuilder();
  for (const { key, data } of records) {
    const expected = builder.sizeWith(key, data.length);
    builder.add(key, data.length);
    assert.equal(builder.size, expected, "the size is known before a record is added");
  }
  // Memory that held something else before, and is larger.
  const memory = Buffer.alloc(builder.size + 1, 0xff);
  builder.write(records, memory);
  assert.equal(memory[builder.size], 0xff, "nothing is written behind its size");
  return memory.subarray(0, builder.size);
}

function readByOracle(aggregate: Buffer): string[][] | undefined {
  let seen: string[][] | undefined;
  const data = aggregate.toString("base64");
  oracle.deaggregateSync({ data, partitionKey: "a", sequenceNumber: "1" }, true, (error, records) => {
    assert.ifError(error);
    seen = records.map((record) => [record.partitionKey, Buffer.from(String(record.data), "base64").toString("hex")]);
  });
  return seen;
}

test("the public de-aggregator reads what was aggregated, in order", () => {
  fc.assert(
    fc.property(userRecords, (records) => {
      assert.deepEqual(
        readByOracle(build(records)),
        records.map(({ key, data }) => [key, Buffer.from(data).toString("hex")]),
      );
    }),
    { numRuns: 50 },
  );
});

test("the decoder of the tests reads what was aggregated, and what the public aggregator wrote", async () => {
  await fc.assert(
    fc.asyncProperty(userRecords, async (records) => {
      const expected = records.map(({ key, data }) => [key, Buffer.from(data).toString("hex")]);
      const seen = (bytes: Buffer) =>
        decodeAggregate(bytes)?.map((part) => [part.partitionKey, part.data.toString("hex")]);
      assert.deepEqual(seen(build(records)), expected);
      // The oracle keeps its keys in a plain object, which has `__proto__` and the like before anything is put in.
      if (records.every(({ key }) => !(key in {}))) assert.deepEqual(seen(await writtenByOracle(records)), expected);
    }),
    { numRuns: 50 },
  );
});

function writtenByOracle(records: readonly { key: string; data: Uint8Array }[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const inputs = records.map(({ key, data }) => ({ partitionKey: key, data: Buffer.from(data) }));
    const written: Buffer[] = [];
    oracle.aggregate(
      inputs,
      (aggregate, done) => {
        written.push(aggregate.data);
        done();
      },
      () => resolve(written[0] ?? Buffer.alloc(0)),
      reject,
    );
  });
}

test("large records and many keys cross every width of a varint", () => {
  const sizes = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
  const records = sizes.map((size, index) => ({ key: `key-${index}`, data: Buffer.alloc(size, index) }));
  for (let index = 0; index < 200; index++) records.push({ key: `more-${index}`, data: Buffer.from([index]) });
  const parts = decodeAggregate(build(records));
  assert.deepEqual(
    parts?.map((part) => [part.partitionKey, part.data.length]),
    records.map((record) => [record.key, record.data.length]),
  );
});

test("an aggregate goes where its first sub-record belongs", () => {
  const builder = createAggregateBuilder();
  builder.add("orders-7", 1);
  const record = aggregateRecord(builder, [{ partitionKey: "orders-7", data: Buffer.from("x") }]);
  assert.equal(record.partitionKey, "a");
  assert.equal(record.explicitHashKey, BigInt(`0x${hashKey("orders-7")}`).toString());
});

test("other records are not taken for aggregates", () => {
  assert.equal(decodeAggregate(Buffer.from("plain")), null);
  const damaged = build([{ key: "a", data: Buffer.from("x") }]);
  damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
  assert.equal(decodeAggregate(damaged), null);
});
