import assert from "node:assert/strict";
import { test } from "node:test";
import { type Choices, minimized, replayed, seeded } from "./choices.ts";
import { compact, expanded } from "./compact.ts";

function drawn(choices: Choices): (number | boolean | string)[] {
  return [choices.below(10), choices.chance(0.5), choices.pick(["a", "b", "c"]), choices.bytes(8).toString("hex")];
}

test("a seed makes the same input each time, and its tape makes it once more", () => {
  const first = seeded(7);
  const input = drawn(first);
  assert.deepEqual(drawn(seeded(7)), input);
  assert.deepEqual(drawn(replayed(first.tape)), input);
});

test("a tape is cut down to what makes it fail", async () => {
  const sum = (tape: readonly number[]): number => tape.reduce((total, value) => total + value, 0);
  const tape = [3, 0, 900, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7];
  assert.deepEqual(await minimized(tape, async (each) => sum(each) >= 100, 1_000), [112]);
});

test("bytes that repeat are shown as one unit and a number, and can be read back", () => {
  const bytes = Buffer.concat([Buffer.from("0102", "hex"), Buffer.alloc(3_000, "abc"), Buffer.from([9])]);
  const text = compact(bytes);
  assert.equal(text, "0102 (616263)*1000 09");
  assert.deepEqual(expanded(text), bytes);
  assert.equal(compact(Buffer.alloc(0)), "");
});
