import assert from "node:assert/strict";
import { describe, test } from "node:test";
import avro from "avsc";
import fc from "fast-check";
import { PoisonError } from "../../../../../worker/format/format.ts";
import { avroType, exact } from "../../../../golden/avro-oracle.ts";
import { ExactNumber, parseExact, readBinaryNumbers } from "../../../../golden/exact-json.ts";
import { expandPayload, expandText, schemaInfo } from "../../expand-value.ts";

const number = (json: string): ExactNumber => new ExactNumber(json);
const decoded = (schema: unknown, bytes: readonly number[] | Buffer): Promise<unknown> =>
  expandPayload({ schema: schemaInfo("AVRO", JSON.stringify(schema)), payload: Buffer.from(bytes) });
const isPoison = (code: string) => (error: unknown) => error instanceof PoisonError && error.code === code;
const varint = (value: bigint): Buffer => {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
};

describe("AVRO", () => {
  test("longs are exact", async () => {
    await fc.assert(
      fc.asyncProperty(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.nat(63), async (big, shift) => {
        const value = big >> BigInt(shift);
        assert.deepEqual(await decoded("long", varint(value)), number(String(value)));
      }),
    );
  });

  test("decimals are exact, of bytes and of fixed", async () => {
    const bytes = { type: "bytes", logicalType: "decimal", precision: 60, scale: 20 };
    const fixed = { type: "fixed", name: "F", size: 8, logicalType: "decimal", precision: 18, scale: 4 };
    await fc.assert(
      fc.asyncProperty(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (unscaled) => {
        const eight = Buffer.alloc(8);
        eight.writeBigInt64BE(unscaled);
        assert.deepEqual(await decoded(bytes, Buffer.concat([Buffer.from([16]), eight])), number(`${unscaled}e-20`));
        assert.deepEqual(await decoded(fixed, eight), number(`${unscaled}e-4`));
      }),
    );
  });

  test("a decimal that breaks AVRO's rules is plain bytes", async () => {
    const schema = { type: "fixed", name: "F", size: 2, logicalType: "decimal", precision: 5 };
    assert.equal(await decoded(schema, [1, 2]), "AQI=");
  });

  test("a schema may have comments", async () => {
    const definition =
      '{"type": "enum", // of two\n "name": "E", "symbols": ["A" /* not "B" */, "C"], "doc": "http://x /*"}';
    assert.equal(await expandPayload({ schema: schemaInfo("AVRO", definition), payload: Buffer.from([2]) }), "C");
  });

  test("a union takes the branch that was written", async () => {
    const schema = ["null", "string", "int", { type: "array", items: "double" }];
    assert.equal(await decoded(schema, [0]), null);
    assert.deepEqual(await decoded(schema, [4, 10]), number("5"));
    assert.deepEqual(await decoded(schema, [6, 0]), []);
  });

  test("a repeated key of a map has its last value", async () => {
    const schema = { type: "map", values: { type: "map", values: "int" } };
    const bytes = [6, 2, 0x61, 2, 2, 0x78, 2, 0, 2, 0x62, 0, 2, 0x61, 2, 2, 0x79, 4, 0, 0];
    const text = await expandText({ schema: schemaInfo("AVRO", JSON.stringify(schema)), payload: Buffer.from(bytes) });
    assert.match(text, /"payload":\{"b":\{\},"a":\{"y":2\}\}/);
  });

  test("an array may come in blocks that tell their size", async () => {
    assert.deepEqual(await decoded({ type: "array", items: "int" }, [1, 2, 2, 2, 4, 0]), [number("1"), number("2")]);
  });

  test("text that is no UTF-8 is repaired as Java does", async () => {
    assert.equal(await decoded("string", [10, 0x61, 0xed, 0xa0, 0x80, 0x62]), "a\ufffdb");
  });

  test("any schema and value that avsc writes reads the same", async () => {
    for (let i = 0; i < 300; i++) {
      const type = avro.Type.forSchema(randomSchema(3, { next: 0 }), { wrapUnions: true });
      const definition = JSON.stringify(type.schema({ exportAttrs: true }));
      const bytes = type.toBuffer(type.random());
      const oracle = avroType(definition);
      const text = await expandText({ schema: schemaInfo("AVRO", definition), payload: bytes });
      const { payload } = parseExact(text) as { payload: unknown };
      const expected = exact(oracle, oracle.fromBuffer(bytes));
      assert.deepEqual(readBinaryNumbers(payload, expected), expected, definition);
    }
  });

  for (const [what, schema, bytes] of [
    ["truncated text", "string", [10, 0x61]],
    ["a negative length", "bytes", [1]],
    ["an unknown branch", ["null", "int"], [4]],
    ["a negative branch", ["null", "int"], [1]],
    ["an unknown symbol", { type: "enum", name: "E", symbols: ["A"] }, [2]],
    ["an endless integer", "int", [255, 255, 255, 255, 255, 1]],
    ["an endless long", "long", Array.from({ length: 11 }, () => 255)],
    [
      "a decimal of more than 415 bytes",
      { type: "bytes", logicalType: "decimal", precision: 4 },
      [0xc0, 0x06, ...new Array<number>(416).fill(1)],
    ],
    ["a decimal without bytes", { type: "bytes", logicalType: "decimal", precision: 4 }, [0]],
    ["a record in itself without end", { type: "record", name: "R", fields: [{ name: "r", type: "R" }] }, []],
  ] as const) {
    test(`${what} is poison`, () => assert.rejects(decoded(schema, bytes), isPoison("Undecodable")));
  }

  test("a few bytes that stand for billions of items are poison", () =>
    assert.rejects(decoded({ type: "array", items: "null" }, varint(2n ** 40n)), isPoison("RecordTooLarge")));

  for (const [what, definition] of [
    ["comments that do not end", "/* ".repeat(200_000)],
    ["a text that does not end", `"${'\\"'.repeat(200_000)}`],
    ["slashes that begin no comment", "/ ".repeat(200_000)],
  ] as const) {
    test(`a schema of ${what} is refused in time that its length explains`, async () => {
      const before = process.cpuUsage();
      await assert.rejects(
        expandText({ schema: schemaInfo("AVRO", definition), payload: "" }),
        isPoison("UnsupportedSchema"),
      );
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 1_000_000, `${user + system} µs`);
    });
  }

  test("a schema with a decimal of thousands of digits behind the point is refused", () =>
    assert.rejects(
      decoded({ type: "bytes", logicalType: "decimal", precision: 3000, scale: 1001 }, [2, 1]),
      isPoison("UnsupportedSchema"),
    ));

  for (const schema of ["Unknown", { type: "record" }, { type: "array" }, { type: "fixed", name: "F" }, 7]) {
    test(`${JSON.stringify(schema)} is no schema`, () =>
      assert.rejects(decoded(schema, [0]), isPoison("UnsupportedSchema")));
  }
});

const LEAVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

function randomSchema(depth: number, names: { next: number }): avro.Schema {
  const pick = Math.floor(Math.random() * (depth > 0 ? 14 : 8));
  const name = `N${names.next++}`;
  const inner = (): avro.Schema => randomSchema(depth - 1, names);
  if (pick < 8) return LEAVES[pick] as avro.Schema;
  if (pick === 8) return { type: "array", items: inner() } as avro.Schema;
  if (pick === 9) return { type: "map", values: inner() } as avro.Schema;
  if (pick === 10) return { type: "enum", name, symbols: ["A", "B"] } as avro.Schema;
  if (pick === 11) return { type: "fixed", name, size: 5 } as avro.Schema;
  if (pick === 12) return ["null", "long", { type: "map", values: inner() }] as avro.Schema;
  return {
    type: "record",
    name,
    fields: ["x", "y", "z"].map((field) => ({ name: field, type: inner() })),
  } as avro.Schema;
}
