import assert from "node:assert/strict";
import { mock, test } from "node:test";
import fc from "fast-check";
import { BLOCK_BYTES, createBlockMemory, SPARE_MS } from "../../runtime/block-memory.ts";

const MIB = 1024 * 1024;

/** The memory of a block that was freed is gone at once. */
function isFreed({ buffer }: Buffer): boolean {
  return buffer.byteLength === 0;
}

test("memory that was given back is used again, also for a smaller block", () => {
  const memory = createBlockMemory(2);
  const first = memory.take(MIB);
  memory.giveBack(first.subarray(0, 10));
  assert.equal(memory.take(MIB / 2).buffer, first.buffer);
});

test("of those that fit the smallest is taken", () => {
  const memory = createBlockMemory(Number.POSITIVE_INFINITY);
  const blocks = [3, 1, 2, 4].map((size) => memory.take(size * MIB));
  for (const block of blocks) memory.giveBack(block);
  assert.equal(memory.take(1.5 * MIB).buffer, blocks[2]?.buffer);
});

test("memory that is in use is nobody else's", () => {
  const memory = createBlockMemory(1.5);
  const [first, second] = [memory.take(MIB), memory.take(MIB)];
  assert.notEqual(first.buffer, second.buffer);
  memory.giveBack(first);
  assert.equal(memory.take(MIB).buffer, first.buffer);
  assert.notEqual(memory.take(MIB).buffer, first.buffer);
});

test("a block that fits nowhere gets memory of its own, in place of what was given back first", () => {
  const memory = createBlockMemory(1.5);
  const small = Array.from({ length: 4 }, () => memory.take(MIB));
  for (const block of small) memory.giveBack(block);
  const large = memory.take(2 * MIB);
  assert.ok(large.length >= 2 * MIB);
  assert.deepEqual(small.map(isFreed), [true, true, false, false]);
  memory.giveBack(large);
  assert.notEqual(memory.take(MIB / 2).buffer, large.buffer);
});

test("only so much is kept: what was given back first is freed", () => {
  const memory = createBlockMemory(1.5, 8 * MIB);
  const blocks = Array.from({ length: 5 }, () => memory.take(2 * MIB));
  for (const block of blocks) memory.giveBack(block);
  assert.deepEqual(blocks.map(isFreed), [true, false, false, false, false]);
});

test("what nobody needed for a while is freed, and what is needed is not", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const memory = createBlockMemory(1.5);
    const blocks = Array.from({ length: 3 }, () => memory.take(MIB));
    for (const block of blocks) memory.giveBack(block);
    mock.timers.tick(SPARE_MS);
    assert.deepEqual(blocks.map(isFreed), [false, false, false]);
    const needed = memory.take(MIB);
    memory.giveBack(needed);
    mock.timers.tick(SPARE_MS);
    assert.deepEqual(blocks.map(isFreed), [true, true, false]);
    mock.timers.tick(SPARE_MS);
    assert.ok(isFreed(needed));
    memory.giveBack(memory.take(MIB));
    assert.equal(memory.take(MIB).length, MIB);
  } finally {
    mock.timers.reset();
  }
});

test("never takes more memory than was in use at once, and never gives the same to two", () => {
  const steps = fc.array(fc.record({ size: fc.integer({ min: 2, max: 40 }), give: fc.nat() }), { maxLength: 100 });
  fc.assert(
    fc.property(steps, fc.constantFrom(1, 1.5, Number.POSITIVE_INFINITY), (drawn, mostTimes) => {
      const memory = createBlockMemory(mostTimes);
      const seen = new Set<ArrayBufferLike>();
      const out: Buffer[] = [];
      let most = 0;
      const bytes = (buffers: Iterable<ArrayBufferLike>): number =>
        [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
      for (const { size, give } of drawn) {
        if (give % 2 === 0 && out.length > 0) memory.giveBack(out.splice(give % out.length, 1)[0] as Buffer);
        else {
          const wanted = size * BLOCK_BYTES - (give % 3);
          const block = memory.take(wanted);
          assert.ok(block.length >= wanted && block.length <= size * BLOCK_BYTES * mostTimes);
          assert.ok(out.every(({ buffer }) => buffer !== block.buffer));
          out.push(block);
          seen.add(block.buffer);
        }
        most = Math.max(most, bytes(out.map(({ buffer }) => buffer)));
        assert.ok(bytes(seen) <= most);
      }
    }),
  );
});
