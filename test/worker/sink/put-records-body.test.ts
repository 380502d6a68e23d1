import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodePutRecords } from "../../../worker/sink/put-records-body.ts";

test("the body is the JSON that the SDK would write, whatever data and keys hold", () => {
  const record = fc.record({
    Data: fc.uint8Array({ maxLength: 400 }),
    PartitionKey: fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" })),
    ExplicitHashKey: fc.option(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(String), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), fc.boolean(), (records, byArn) => {
      const stream = byArn ? { StreamARN: "arn:aws:kinesis:eu-central-1:1:stream/s" } : { StreamName: "s" };
      const body = encodePutRecords({ ...stream, Records: records });
      assert.deepEqual(JSON.parse(body.toString()), {
        ...stream,
        Records: records.map(({ Data, ...rest }) => ({
          Data: Buffer.from(Data).toString("base64"),
          ...JSON.parse(JSON.stringify(rest)),
        })),
      });
    }),
  );
});

test("a part of a larger buffer is written, not the whole buffer", () => {
  const Data = new Uint8Array(Buffer.from("0123456789")).subarray(3, 5);
  const body = encodePutRecords({ StreamName: "s", Records: [{ Data, PartitionKey: "k" }] });
  assert.equal(body.toString(), '{"StreamName":"s","Records":[{"Data":"MzQ=","PartitionKey":"k"}]}');
});
