import assert from "node:assert/strict";
import { test } from "node:test";
import { createBlockMemory } from "../../runtime/block-memory.ts";

const MIB = 1024 * 1024;

test("memory that was given back is used again, also for a smaller block", () => {
  const memory = createBlockMemory(8 * MIB);
  const first = memory.take(MIB);
  memory.giveBack(first.subarray(0, 10));
  assert.equal(memory.take(MIB / 2).buffer, first.buffer);
});

test("memory that is in use is nobody else's", () => {
  const memory = createBlockMemory(8 * MIB);
  const [first, second] = [memory.take(MIB), memory.take(MIB)];
  assert.notEqual(first.buffer, second.buffer);
  memory.giveBack(first);
  assert.equal(memory.take(MIB).buffer, first.buffer);
  assert.notEqual(memory.take(MIB).buffer, first.buffer);
});

test("a block that fits nowhere gets memory of its own", () => {
  const memory = createBlockMemory(8 * MIB);
  const small = memory.take(MIB);
  memory.giveBack(small);
  const large = memory.take(2 * MIB);
  assert.ok(large.length >= 2 * MIB);
  assert.notEqual(large.buffer, small.buffer);
});

test("only so much is kept: what was given back first goes first", () => {
  const memory = createBlockMemory(8 * MIB);
  const bodies = Array.from({ length: 5 }, () => memory.take(2 * MIB));
  for (const body of bodies) memory.giveBack(body);
  const again = Array.from({ length: 5 }, () => memory.take(2 * MIB).buffer);
  const kept = again.filter((buffer) => bodies.some((body) => body.buffer === buffer));
  assert.deepEqual(
    kept,
    bodies
      .slice(1)
      .reverse()
      .map(({ buffer }) => buffer),
  );
});
