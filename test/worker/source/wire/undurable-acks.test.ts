import assert from "node:assert/strict";
import { test } from "node:test";
import { createUnsureAcks } from "../../../../worker/source/wire/undurable-acks.ts";
import { createVirtualClock } from "../../../clock.ts";

test("acknowledgements count as stored after ten seconds", async () => {
  const clock = createVirtualClock();
  const unsure = createUnsureAcks(clock);
  unsure.add([1, 1, 1, 2]);
  await clock.advance(6_000);
  unsure.add([1, 3]);
  assert.deepEqual(unsure.ids(), [1, 1, 1, 2, 1, 3]);
  await clock.advance(6_000);
  unsure.add([1, 4]);
  assert.deepEqual(unsure.ids(), [1, 3, 1, 4]);
});

test("of very many acknowledgements the oldest count as stored", () => {
  const unsure = createUnsureAcks(createVirtualClock());
  for (let group = 0; group < 40; group += 1) unsure.add(Array.from({ length: 2_000 }, () => group));
  const ids = unsure.ids();
  assert.equal(ids.length, 2 * 32_000);
  assert.deepEqual([ids[0], ids.at(-1)], [8, 39]);
});

test("what the broker refused is not asked for again", () => {
  const unsure = createUnsureAcks(createVirtualClock());
  const refused = [1, 1];
  unsure.add(refused);
  unsure.add([1, 2]);
  unsure.refused(refused);
  assert.deepEqual(unsure.ids(), [1, 2]);
});
