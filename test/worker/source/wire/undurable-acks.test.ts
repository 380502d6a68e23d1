import assert from "node:assert/strict";
import { test } from "node:test";
import { createUndurableAcks } from "../../../../worker/source/wire/undurable-acks.ts";
import { createVirtualClock } from "../../../clock.ts";

test("acknowledgements count as stored ten seconds after they were confirmed, and never before", async () => {
  const clock = createVirtualClock();
  const undurable = createUndurableAcks(clock);
  const first = undurable.add([1, 1, 1, 2]);
  await clock.advance(60_000);
  undurable.confirmed(first);
  await clock.advance(6_000);
  undurable.confirmed(undurable.add([1, 3]));
  assert.deepEqual(undurable.ids(), [1, 1, 1, 2, 1, 3]);
  await clock.advance(6_000);
  undurable.add([1, 4]);
  assert.deepEqual(undurable.ids(), [1, 3, 1, 4]);
});

test("of very many acknowledgements the oldest count as stored", () => {
  const undurable = createUndurableAcks(createVirtualClock());
  for (let group = 0; group < 40; group += 1) undurable.add(Array.from({ length: 2_000 }, () => group));
  const ids = undurable.ids();
  assert.equal(ids.length, 2 * 32_000);
  assert.deepEqual([ids[0], ids.at(-1)], [8, 39]);
});

test("what the broker refused is not asked for again", () => {
  const undurable = createUndurableAcks(createVirtualClock());
  const refused = undurable.add([1, 1]);
  undurable.add([1, 2]);
  undurable.refused(refused);
  assert.deepEqual(undurable.ids(), [1, 2]);
});
