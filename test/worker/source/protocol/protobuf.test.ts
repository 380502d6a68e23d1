import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  bool,
  bytes,
  embedded,
  int32,
  messageType,
  repeated,
  string,
  uint,
} from "../../../../worker/source/protocol/field-table.ts";
import { MalformedError, ProtobufReader } from "../../../../worker/source/protocol/protobuf-reader.ts";
import { ProtobufWriter } from "../../../../worker/source/protocol/protobuf-writer.ts";

const inner = messageType({ key: string(1), value: bytes(2) });
const outer = messageType({
  count: uint(1),
  signed: int32(2),
  flag: bool(3),
  text: string(4),
  data: bytes(15),
  one: embedded(16, inner),
  many: repeated(embedded(2047, inner)),
  numbers: repeated(uint(7)),
});

const arbitraryBytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
const arbitraryInner = fc.record(
  { key: fc.string({ unit: "binary" }), value: arbitraryBytes },
  { noNullPrototype: true },
);

test("a message reads as it was written", () => {
  const message = fc.record(
    {
      count: fc.maxSafeNat(),
      signed: fc.integer(),
      flag: fc.boolean(),
      text: fc.string({ unit: "binary" }),
      data: arbitraryBytes,
      one: arbitraryInner,
      many: fc.array(arbitraryInner, { minLength: 1, maxLength: 5 }),
      numbers: fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 5 }),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(message, (value) => {
      assert.deepEqual(outer.decode(outer.encode(value)), { ...value });
    }),
  );
});

test("unknown fields are passed over", () => {
  const extended = messageType({ count: uint(1), other: string(99), number: uint(98), more: embedded(97, inner) });
  const encoded = extended.encode({ count: 5, other: "x", number: 300, more: { key: "k" } });
  assert.deepEqual(messageType({ count: uint(1) }).decode(encoded), { count: 5 });
  assert.deepEqual(outer.decode(Buffer.from([0x0d, 1, 2, 3, 4, 0x09, 1, 2, 3, 4, 5, 6, 7, 8])), {});
});

test("cut or random bytes are malformed, or a message, and nothing else", () => {
  const source = fc.oneof(
    arbitraryBytes,
    arbitraryInner.map((value) => outer.encode({ count: 1, one: value, text: "abc" })),
  );
  fc.assert(
    fc.property(source, fc.nat(), (encoded, cut) => {
      try {
        outer.decode(encoded.subarray(0, cut % (encoded.length + 1)));
      } catch (error) {
        assert.ok(error instanceof MalformedError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("64-bit numbers are read as two exact halves", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const encoded: number[] = [];
      let rest = BigInt.asUintN(64, value);
      for (; rest >= 0x80n; rest >>= 7n) encoded.push(Number(rest & 0x7fn) | 0x80);
      encoded.push(Number(rest));
      const words: number[] = [];
      new ProtobufReader().over(Buffer.from(encoded), 0, encoded.length).words(words);
      const [low = 0, high = 0] = words;
      assert.equal(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)), value);
    }),
  );
});

test("a reader never leaves its range", () => {
  const writer = new ProtobufWriter();
  writer.string("hello");
  writer.string("beyond");
  const encoded = writer.finish();
  const reader = new ProtobufReader().over(encoded, 0, 6);
  assert.equal(reader.string(), "hello");
  assert.throws(() => reader.string(), MalformedError);
  assert.throws(() => reader.over(encoded, 0, encoded.length + 1), MalformedError);
  assert.throws(() => reader.over(encoded, 3, 2), MalformedError);
});
