import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkGuarantee, type GuaranteeResult, MODES, type Numbered, trackGuarantee } from "./guarantee.ts";
import { checkByLists } from "./guarantee-by-lists.ts";

const topicPartition = "persistent://public/default/orders-partition-0";

function numbers(list: readonly number[], key = "a", topic = topicPartition): Numbered[] {
  return list.map((number) => ({ topicPartition: topic, key, number }));
}

const produced = numbers([1, 2, 3, 4]);

const ordered: readonly [name: string, read: readonly number[], ok: boolean][] = [
  ["exactly what was produced", [1, 2, 3, 4], true],
  ["a rewind by one", [1, 2, 2, 3, 4], true],
  ["a rewind to the beginning", [1, 2, 3, 1, 2, 3, 4], true],
  ["a repetition at the end", [1, 2, 3, 4, 4], true],
  ["a rewind at the end, carried through", [1, 2, 3, 4, 3, 4], true],
  ["a missing number", [1, 2, 4], false],
  ["a missing first number", [2, 3, 4], false],
  ["a missing last number", [1, 2, 3], false],
  ["nothing read", [], false],
  ["two numbers swapped", [1, 3, 2, 4], false],
  ["a skip that is mended later", [1, 3, 2, 3, 4], false],
  ["a rewind that jumps forward again", [1, 2, 3, 1, 4], false],
  ["a repetition of an old number at the end", [1, 2, 3, 4, 2], false],
  ["a number that was never produced", [1, 2, 3, 4, 5], false],
];

for (const [name, read, ok] of ordered) {
  test(`ordered, ${name}: ${ok ? "holds" : "is broken"}`, () => {
    const result = checkGuarantee(produced, numbers(read), "ordered");
    assert.equal(result.ok, ok, result.explain());
  });
}

test("sequences of other keys and topic-partitions are checked apart", () => {
  const other = "persistent://public/default/orders-partition-1";
  const all = [...numbers([1, 2], "a"), ...numbers([1, 2], "b"), ...numbers([1, 2], "a", other)];
  const interleaved = [
    ...numbers([1], "a", other),
    ...numbers([1], "b"),
    ...numbers([1], "a"),
    ...numbers([2], "b"),
    ...numbers([2], "a", other),
    ...numbers([2], "a"),
  ];
  assert.ok(checkGuarantee(all, interleaved, "ordered").ok);
  const wrong = [...interleaved.slice(0, 4), ...interleaved.slice(5)];
  assert.deepEqual(checkGuarantee(all, wrong, "ordered").missing, numbers([2], "a", other));
});

test("unordered needs every message, in any order, any number of times", () => {
  assert.ok(checkGuarantee(produced, numbers([4, 2, 2, 1, 3]), "unordered").ok);
  const result = checkGuarantee(produced, numbers([4, 2, 1]), "unordered");
  assert.deepEqual(result.missing, numbers([3]));
  assert.equal(result.ok, false);
});

test("duplicates are counted and differences are told in words", () => {
  const result = checkGuarantee(produced, numbers([1, 3, 3, 2]), "ordered");
  assert.equal(result.duplicates, 1);
  assert.deepEqual(result.missing, numbers([4]));
  assert.match(result.explain(), /missing: 1\n.*orders-partition-0 key "a" number 4/);
  assert.match(result.explain(), /number 3 right after number 1/);
  assert.match(result.explain(), /number 4 should be the last one, but number 2 is/);
});

test("messages that are not numbered from 1 are a mistake of the test", () => {
  assert.throws(() => checkGuarantee(numbers([1, 3]), [], "ordered"), /not numbered 1\.\.2/);
});

test("whatever consists of rewinds and ends with n holds; leaving out one number's every read does not", () => {
  const rewinds = fc.array(fc.nat(), { maxLength: 6 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), rewinds, fc.nat(), (n, stops, victim) => {
      const read: number[] = [];
      for (const stop of [...stops.map((value) => (value % n) + 1), n]) {
        const from = read.length === 0 ? 1 : Math.max(1, (read.at(-1) ?? 1) - (stop % 3));
        for (let number = from; number <= Math.max(from, stop); number++) read.push(number);
      }
      const all = numbers(Array.from({ length: n }, (_, index) => index + 1));
      assert.ok(checkGuarantee(all, numbers(read), "ordered").ok, read.join());
      const lost = (victim % n) + 1;
      assert.ok(!checkGuarantee(all, numbers(read.filter((number) => number !== lost)), "ordered").ok);
    }),
  );
});

const anyMessage = fc.record({
  topicPartition: fc.constantFrom(topicPartition, "other"),
  key: fc.constantFrom("a", "b"),
  number: fc.integer({ min: 0, max: 7 }),
});

function comparable({ missing, unknown, inversions, duplicates, ok }: Omit<GuaranteeResult, "explain">): unknown {
  const texts = (list: readonly Numbered[]): string[] =>
    list.map((each) => JSON.stringify(Object.entries(each).sort())).sort();
  return { missing: texts(missing), unknown: texts(unknown), inversions: texts(inversions), duplicates, ok };
}

test("the checker that keeps little agrees with the guarantee over whole lists, however news interleaves", () => {
  const counts = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 4, maxLength: 4 });
  const turns = fc.array(fc.boolean(), { maxLength: 60 });
  fc.assert(
    fc.property(
      counts,
      fc.array(anyMessage, { maxLength: 30 }),
      turns,
      fc.constantFrom(...MODES),
      (each, read, order, mode) => {
        const names = [topicPartition, "other"].flatMap((topic) => ["a", "b"].map((key) => [topic, key] as const));
        const all = names.flatMap(([topic, key], index) =>
          numbers(
            Array.from({ length: each[index] ?? 0 }, (_, at) => at + 1),
            key,
            topic,
          ),
        );
        const tracker = trackGuarantee(mode);
        let [produced, seen] = [0, 0];
        const produceNext = (): void => {
          const message = all[produced++];
          if (message !== undefined) tracker.produced(message);
        };
        const readNext = (): void => {
          const message = read[seen++];
          if (message !== undefined) tracker.read(message);
        };
        for (const isRead of order) isRead ? readNext() : produceNext();
        while (seen < read.length) readNext();
        while (produced < all.length) produceNext();
        assert.deepEqual(comparable(tracker.result()), comparable(checkByLists(all, read, mode)));
        assert.deepEqual(comparable(checkGuarantee(all, read, mode)), comparable(checkByLists(all, read, mode)));
      },
    ),
    { numRuns: 2_000 },
  );
});

test("numbers that are produced out of turn count, and a hole among them is a mistake of the test", () => {
  assert.ok(checkGuarantee(numbers([3, 1, 2]), numbers([1, 2, 3]), "ordered").ok);
  assert.throws(() => checkGuarantee(numbers([1, 2, 4]), [], "ordered"), /not numbered 1\.\.3/);
});
