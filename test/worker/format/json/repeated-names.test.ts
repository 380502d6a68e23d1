import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PoisonError } from "../../../../worker/format/format.ts";
import { expandText, schemaInfo } from "../expand-value.ts";

const JSON_SCHEMA = schemaInfo("JSON", '{"type":"record","name":"R","fields":[]}');
const HEAD = '{"topicName":"persistent://public/default/in",';

/** An object is its members in order, names repeated. */
type Value = string | readonly Value[] | { readonly members: readonly (readonly [name: string, value: Value])[] };

const isObject = (value: Value): value is Exclude<Value, string | readonly Value[]> =>
  typeof value === "object" && "members" in value;
const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** JSON text with all members, or with the last of each name only. */
function nested(value: Value, all: boolean): string {
  if (isList(value)) return `[${value.map((item) => nested(item, all)).join(",")}]`;
  if (!isObject(value)) return value;
  const members = all ? value.members : lastOfEach(value.members);
  return `{${members.map(([name, each]) => `"${name}":${nested(each, all)}`).join(",")}}`;
}

function flat(value: Value, path: string): string[] {
  if (isList(value)) {
    return value.length === 0 ? [`"${path}":[]`] : value.flatMap((item, index) => flat(item, `${path}[${index}]`));
  }
  if (!isObject(value)) return [`"${path}":${value}`];
  if (value.members.length === 0) return [`"${path}":{}`];
  return lastOfEach(value.members).flatMap(([name, each]) => flat(each, `${path}.${name}`));
}

function lastOfEach<T>(members: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  return members.filter(([name], index) => !members.slice(index + 1).some(([later]) => later === name));
}

const leaf = fc.constantFrom<Value>("1", "true", '""', `"${"x".repeat(300)}"`, `"${"y".repeat(5000)}"`);
const { tree } = fc.letrec<{ tree: Value }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("tree"), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom("", "a", "b", "c"), tie("tree")), { maxLength: 6 })
      .map((members) => ({ members })),
    // More members than are compared one by one.
    fc.array(fc.tuple(fc.nat(60).map(String), leaf), { minLength: 40, maxLength: 120 }).map((members) => ({ members })),
  ),
}));

async function cpuMillis(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("names that an object repeats", () => {
  test("count once, the last of them, in documents of any size", async () => {
    let largest = 0;
    await fc.assert(
      fc.asyncProperty(tree, async (value) => {
        const payload = nested(value, true);
        largest = Math.max(largest, payload.length);
        assert.equal(await expandText({ schema: JSON_SCHEMA, payload }), `${HEAD}"payload":${nested(value, false)}}`);
        const flattened = await expandText({ schema: JSON_SCHEMA, payload, jsonFlatten: true });
        assert.equal(flattened, `${HEAD}${flat(value, "payload").join(",")}}`);
      }),
      { numRuns: 300 },
    );
    assert.ok(largest > 100_000, "documents that outgrow the first buffer were met");
  });

  for (const [what, payload, expected] of [
    ["one name", `{${'"a":1,'.repeat(700_000)}"a":2}`, '{"a":2}'],
    ["many names", `{${names(20_000).repeat(16)}"z":0}`, `{${names(20_000)}"z":0}`],
    ["names of nested objects", nestedRepeats(300), null],
  ] as const) {
    for (const jsonFlatten of [false, true]) {
      test(`take time in proportion to the payload: ${what}${jsonFlatten ? ", flat" : ""}`, async () => {
        let text = "";
        const millis = await cpuMillis(async () => {
          text = await expandText({ schema: JSON_SCHEMA, payload, jsonFlatten });
        });
        if (expected !== null && !jsonFlatten) assert.equal(text, `${HEAD}"payload":${expected}}`);
        assert.ok(millis < 2000, `${Math.round(millis)} ms for ${payload.length} bytes`);
      });
    }
  }

  test("are poison where more is dropped than any stream accepts", () =>
    assert.rejects(
      expandText({
        schema: JSON_SCHEMA,
        payload: `{"${"p".repeat(1 << 20)}":{${'"a":1,'.repeat(500_000)}"a":1}}`,
        jsonFlatten: true,
      }),
      (error) => error instanceof PoisonError && error.code === "RecordTooLarge",
    ));
});

function names(count: number): string {
  return Array.from({ length: count }, (_, i) => `"k${i}":${i},`).join("");
}

/** Each level repeats a name before and behind its only object. */
function nestedRepeats(depth: number): string {
  const pad = `"a":"${"x".repeat(1000)}",`;
  const heads = `{${pad}"b":`.repeat(depth);
  return `${heads}1${`,${'"a":1,'.repeat(20)}"a":2}`.repeat(depth)}`;
}
