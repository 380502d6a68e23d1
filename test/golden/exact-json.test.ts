import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BinaryNumber, ExactNumber, parseExact, parseFirst, readBinaryNumbers } from "./exact-json.ts";

describe("JSON, read exactly", () => {
  test("has equal numbers for equal decimals only", () => {
    assert.deepEqual(parseExact("[1e2, 100.0, -0]"), [
      new ExactNumber("100"),
      new ExactNumber("1E+2"),
      new ExactNumber("0"),
    ]);
    assert.notDeepEqual(parseExact("9007199254740993"), parseExact("9007199254740992"));
  });

  test("tells names with escapes from each other", () => {
    for (const name of ["\\", '"', "\n", "n", "\\n"]) {
      const text = JSON.stringify({ a: 1, [name]: 2 });
      assert.deepEqual(Object.keys(parseExact(text) as object), ["a", name]);
    }
  });

  test("knows where the first value ends", () => {
    assert.deepEqual(parseFirst('{"a":[]} ]'), { value: { a: [] }, end: 8 });
    assert.throws(() => parseExact('{"a":[]} ]'), SyntaxError);
  });

  for (const text of [
    "",
    "[1,]",
    "[,1]",
    '{"a" 1}',
    '{"a":1,}',
    "{1:2}",
    "[1 2]",
    "01",
    "nul",
    '"a',
    "[1",
    '{"a":1]',
  ]) {
    test(`is not ${JSON.stringify(text)}`, () => assert.throws(() => parseExact(text), SyntaxError));
  }

  test("takes every decimal that stands for a floating-point number, and none that is longer than it need be", () => {
    for (const [value, digits, decimal, isTaken] of [
      [Math.fround(0.1), 9, "0.1", true],
      [Math.fround(0.1), 9, "0.10000000149011612", false],
      [Math.fround(0.1), 9, "0.11", false],
      [2e23, 17, "2.0E23", true],
      [2e23, 17, "1.9999999999999998E23", true],
      [5e-324, 17, "4.9E-324", true],
      [0.1, 17, "0.1000000000000000055511", false],
      [2 ** 62, 17, "4611686018427387904", true],
      [2 ** 62, 17, "4611686018427387905", false],
    ] as const) {
      const expected = [new BinaryNumber(value, digits)];
      const read = readBinaryNumbers([new ExactNumber(decimal)], expected);
      assert.equal((read as unknown[])[0] === expected[0], isTaken, `${decimal} for ${value}`);
    }
  });
});
