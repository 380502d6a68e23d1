import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PoisonError } from "../../../../worker/format/format.ts";
import { ExactNumber, parseExact } from "../../../golden/exact-json.ts";
import { expandPayload, expandText, schemaInfo } from "../expand-value.ts";

const JSON_SCHEMA = schemaInfo("JSON", '{"type":"record","name":"R","fields":[]}');
const decoded = (payload: string | Uint8Array): Promise<unknown> => expandPayload({ schema: JSON_SCHEMA, payload });
const flat = async (payload: string): Promise<Record<string, unknown>> => {
  const text = await expandText({ schema: JSON_SCHEMA, payload, jsonFlatten: true });
  return JSON.parse(text) as Record<string, unknown>;
};
const isPoison = (error: unknown): boolean => error instanceof PoisonError && error.code === "Undecodable";

/** A JSON text with repeated and escaped names, blanks and long numbers. */
const { document } = fc.letrec<{ document: string }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(
      "true",
      "false",
      "null",
      "-12",
      "1.50",
      "9007199254740993",
      "1e400",
      "-1.0E-7",
      '""',
      '"\\n\\u00e9"',
    ),
    fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
    fc.array(tie("document"), { maxLength: 4 }).map((items) => `[ ${items.join(" , ")}]`),
    fc
      .array(fc.tuple(fc.constantFrom('"a"', '"b"', '"\\u0061"', '"a.b"', '"c[0]"', '"\\""', '""'), tie("document")), {
        maxLength: 50,
      })
      .map((members) => `{${members.map(([name, value]) => `${name}\t:${value}`).join(",")}\n}`),
  ),
}));

describe("a JSON document", () => {
  test("keeps its value, numbers exact and the last of equal names", async () => {
    await fc.assert(
      fc.asyncProperty(document, async (text) => {
        const expanded = await expandText({ schema: JSON_SCHEMA, payload: text });
        const reference = parseExact(`{"topicName":"persistent://public/default/in","payload":${text}}`);
        assert.deepEqual(parseExact(expanded), reference);
      }),
    );
  });

  test("writes each name of an object once", async () => {
    const text = await expandText({ schema: JSON_SCHEMA, payload: '{"a":{"x":1},"b":2,"\\u0061":3,"a":{"y":[]}}' });
    assert.match(text, /"payload":\{"b":2,"a":\{"y":\[\]\}\}/);
    assert.deepEqual(await flat('{"a":{"x":1},"b":2,"a":{"y":[]}}'), {
      topicName: "persistent://public/default/in",
      "payload.b": 2,
      "payload.a.y": [],
    });
  });

  test("finds equal names among many", async () => {
    const members = Array.from({ length: 5000 }, (_, i) => `"k${i % 100}":${i}`);
    const expected = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 4900 + i]));
    assert.deepEqual(JSON.parse(JSON.stringify(await flat(`{${members.join(",")}}`))), {
      topicName: "persistent://public/default/in",
      ...Object.fromEntries(Object.entries(expected).map(([name, value]) => [`payload.${name}`, value])),
    });
  });

  test("is null when the payload is empty or blank", async () => {
    assert.equal(await decoded(""), null);
    assert.equal(await decoded("\ufeff \n"), null);
  });

  test("ends with its first value", async () => {
    assert.deepEqual(await decoded('{"a":"x"}\u0000 rest'), { a: "x" });
    assert.deepEqual(await decoded(Buffer.from('"s"\xff', "latin1")), "s");
  });

  test("has no negative zero", async () => {
    const text = await expandText({ schema: JSON_SCHEMA, payload: "[-0,-0.0,-0e5,-0.01]" });
    assert.match(text, /"payload":\[0,0\.0,0e5,-0\.01\]/);
  });

  test("has half a surrogate pair replaced by `?`", async () => {
    assert.equal(await decoded('"a\\ud83d\\ude00\\ud83d-\\ude00"'), "a😀?-?");
  });

  for (const [what, text] of [
    ["a number that runs into text", "1a"],
    ["a word that runs into text", "truex"],
    ["a word that runs into a control character", "true\u007f"],
    ["a byte order mark alone", "\ufeff"],
    ["a number of 1001 digits", `-${"1".repeat(990)}.${"1".repeat(8)}e-123`],
    ["a leading zero", "[01]"],
    ["a point without digits", "[1.]"],
    ["a plus sign", "[+1]"],
    ["a comma at the end", "[1,]"],
    ["a comma at the end of an object", '{"a":1,}'],
    ["an unquoted name", "{a:1}"],
    ["a control character", '"\u0001"'],
    ["an unknown escape", '"\\x"'],
    ["half an escape", '"\\u12"'],
    ["an exponent out of range", "1e99999999999"],
    ["an open string", '"a'],
    ["an open array", "[1"],
    ["a single quote", "'a'"],
  ] as const) {
    test(`is poison with ${what}`, () => assert.rejects(decoded(text), isPoison));
  }

  test("may have numbers of 1000 digits, and 1000 levels", async () => {
    const longest = `-${"1".repeat(990)}.${"1".repeat(7)}e-123`;
    assert.deepEqual(await decoded(longest), new ExactNumber(longest));
    const deepest = `${'{"a":'.repeat(1000)}1${"}".repeat(1000)}`;
    assert.match(await expandText({ schema: JSON_SCHEMA, payload: deepest }), /"payload":(\{"a":){1000}1\}{1000}/);
    await assert.rejects(decoded(`[${deepest}]`), isPoison);
  });

  test("may be a word that a mark follows", async () => assert.equal(await decoded("true$"), true));

  test("is poison when nested without end", () => assert.rejects(decoded("[".repeat(100_000)), isPoison));
});

describe("jsonFlatten", () => {
  test("quotes names with dots and brackets, and keeps empty containers", async () => {
    const { topicName, ...rest } = await flat('{"a.b":{"c":[1,[]]},"x]":{},"q\\".":1,"\\n":2,"\\n.":3,"":4}');
    assert.deepEqual(rest, {
      'payload["a.b"].c[0]': 1,
      'payload["a.b"].c[1]': [],
      'payload["x]"]': {},
      'payload["q\\"."]': 1,
      "payload.\n": 2,
      'payload["\\n."]': 3,
      "payload.": 4,
    });
  });
});
