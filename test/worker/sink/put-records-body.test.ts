import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBodyMemory } from "../../../worker/sink/body-memory.ts";
import { encodePutRecords } from "../../../worker/sink/put-records-body.ts";
import type { KinesisRecord } from "../../../worker/sink/sink.ts";

const key = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));
const hash = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(String);
const record: fc.Arbitrary<KinesisRecord> = fc.record(
  { data: fc.uint8Array({ maxLength: 400 }), partitionKey: key, explicitHashKey: hash },
  { requiredKeys: ["data", "partitionKey"] },
);

function expected(stream: object, records: readonly KinesisRecord[]): object {
  return {
    ...stream,
    Records: records.map(({ data, partitionKey, explicitHashKey }) => ({
      Data: Buffer.from(data).toString("base64"),
      PartitionKey: JSON.parse(JSON.stringify(partitionKey)),
      ...(explicitHashKey === undefined ? {} : { ExplicitHashKey: explicitHashKey }),
    })),
  };
}

test("the body is the JSON that the SDK would write, whatever data and keys hold", () => {
  const memory = createBodyMemory();
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), fc.boolean(), (records, byArn) => {
      const stream = byArn ? { StreamARN: "arn:aws:kinesis:eu-central-1:1:stream/s" } : { StreamName: "s" };
      const body = encodePutRecords(stream, records, memory);
      assert.deepEqual(JSON.parse(body.toString()), expected(stream, records));
    }),
  );
});

test("bodies that take the memory of earlier ones hold nothing of them", () => {
  const memory = createBodyMemory();
  const large = fc.tuple(record, fc.integer({ min: 50_000, max: 200_000 })).map(([of, size]) => ({
    ...of,
    data: Buffer.alloc(size, `${of.partitionKey}?`),
  }));
  const stream = { StreamName: "s" };
  let reused = 0;
  let last: ArrayBufferLike | null = null;
  fc.assert(
    fc.property(fc.array(large, { minLength: 1, maxLength: 4 }), (records) => {
      const body = encodePutRecords(stream, records, memory);
      assert.deepEqual(JSON.parse(body.toString()), expected(stream, records));
      if (body.buffer === last) reused += 1;
      last = body.buffer;
      memory.giveBack(body);
    }),
    { numRuns: 50 },
  );
  assert.ok(reused > 0, "memory is used again");
});

test("a part of a larger buffer is written, not the whole buffer", () => {
  const data = new Uint8Array(Buffer.from("0123456789")).subarray(3, 5);
  const body = encodePutRecords({ StreamName: "s" }, [{ data, partitionKey: "k" }], createBodyMemory());
  assert.deepEqual(JSON.parse(body.toString()), {
    StreamName: "s",
    Records: [{ Data: "MzQ=", PartitionKey: "k" }],
  });
});

test("data that is made when its turn comes is written as if it had been there", () => {
  const memory = createBodyMemory();
  const stream = { StreamName: "s" };
  const made = (of: KinesisRecord): KinesisRecord => ({
    ...of,
    made: { size: of.data.length, write: (target) => target.set(of.data) },
    get data(): Uint8Array {
      throw new Error("it would take memory of its own");
    },
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(record, fc.boolean()), { maxLength: 20 }), (drawn) => {
      const body = encodePutRecords(
        stream,
        drawn.map(([of, isMade]) => (isMade ? made(of) : of)),
        memory,
      );
      assert.deepEqual(
        JSON.parse(body.toString()),
        expected(
          stream,
          drawn.map(([of]) => of),
        ),
      );
    }),
  );
});
