import assert from "node:assert/strict";
import { test } from "node:test";
import { type ManifestDocument, readDocuments } from "../../../crds/validation/documents.ts";

function read(text: string): readonly ManifestDocument[] {
  const result = readDocuments(text);
  assert.ok(result.ok, JSON.stringify(result));
  return result.documents;
}

function places(text: string, ...fields: readonly string[]): string[] {
  const [document = assert.fail()] = read(text);
  return fields.map((field) => {
    const { line, column } = document.place(field);
    return `${line}:${column}`;
  });
}

const TEXT = `# a comment
spec:
  config:
    awsRegion: us-west-2
  pulsar:
    topics:
      - orders
      - clicks
    auth: { token: { name: a } }
  pod:
    labels:
      app.kubernetes.io/part-of: shop
  deadLetter:
`;

test("a single value is found by itself, an object by its name, an item of a list by its number", () => {
  assert.deepEqual(places(TEXT, "spec.config.awsRegion", "spec.config", "spec.pulsar.topics[1]"), [
    "4:16",
    "3:3",
    "8:9",
  ]);
  assert.deepEqual(places(TEXT, "spec.pulsar.auth.token.name"), ["9:28"]);
});

test("a field's name may have dots and slashes", () => {
  assert.deepEqual(places(TEXT, "spec.pod.labels.app.kubernetes.io/part-of"), ["12:34"]);
});

test("what is not there is looked for in what is around it; a field without a value is found by its name", () => {
  assert.deepEqual(places(TEXT, "spec.config.awsKinesisStreamName", "metadata.name", "spec.deadLetter"), [
    "3:3",
    "2:1",
    "13:3",
  ]);
});

test("an alias is followed to what it stands for", () => {
  assert.deepEqual(places("a: &x { b: 1 }\nc: *x\n", "c.b"), ["1:12"]);
});

test("YAML is read as kubectl reads it: booleans of YAML 1.1, merged maps, no dates", () => {
  const [document] = read("a: yes\nb: off\nc: 'yes'\nd:\n  <<: { e: 1 }\n  f: 2\ng: 2026-11-28\nh: 1e3\n");
  const expected = { a: true, b: false, c: "yes", d: { e: 1, f: 2 }, g: "2026-11-28", h: 1000 };
  assert.deepEqual(document?.value, expected);
});

test("JSON is read, indented by tabs too", () => {
  assert.deepEqual(read('{\n\t"a": [1, true, null]\n}\n')[0]?.value, { a: [1, true, null] });
});

test("documents that hold nothing are left out", () => {
  assert.deepEqual(
    read("---\n# nothing\n---\na: 1\n---\n~\n...\n").map(({ value }) => value),
    [{ a: 1 }],
  );
  assert.deepEqual(read(""), []);
});

for (const [what, text, line, message] of [
  ["a tab", "a:\n  b: 1\n\tc: 2\n", 3, /a tab does not indent/],
  ["a field twice", "a: 1\nb: 2\na: hunter2\n", 3, /the same field a second time/],
  ["a bracket that is not closed", "a: [hunter2\nb: 1\n", 2, /close the bracket/],
  ["a field within a field", "a: b: hunter2\n", 1, /a field within a field on one line/],
  ["a quote that is not closed", 'a: "hunter2\n', 2, /missing/],
  ["an alias without its anchor", "a: *hunter2\n", 1, /no anchor/],
] as const) {
  test(`${what} is told with its place and without the text`, () => {
    const result = readDocuments(text);
    assert.ok(!result.ok);
    assert.equal(result.errors[0]?.line, line, JSON.stringify(result.errors));
    assert.match(result.errors[0]?.message ?? "", message);
    assert.doesNotMatch(JSON.stringify(result.errors), /hunter2/);
  });
}

test("aliases that multiply into millions are refused at once", () => {
  const bomb = Array.from(
    { length: 9 },
    (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(", ")}]`,
  );
  const result = readDocuments(`l0: &l0 [x]\n${bomb.join("\n")}\n`);
  assert.ok(!result.ok);
});
