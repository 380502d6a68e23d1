import assert from "node:assert/strict";
import { test } from "node:test";
import { createRig } from "../rig.ts";

const MANY = 20_000;
const landed = (sequenceNumber: number) =>
  ({ accepted: true, shardId: "shard-0", sequenceNumber: String(sequenceNumber) }) as const;

/** One record of `a` on its way, one of `b` delivered; then so many keys that idle lanes are forgotten. */
async function crowded() {
  const rig = createRig({ budgetBytes: 100_000_000 });
  const orders = rig.assign();
  await rig.clock.advance(6_000);
  await rig.deliver(orders, "b:1");
  await rig.last().answer([landed(2_000_000)]);
  await rig.deliver(orders, "a:1");
  const held = rig.last();
  let sequence = 1_000_000;
  for (let first = 0; first < MANY; first += 500) {
    await rig.deliver(orders, ...Array.from({ length: 500 }, (_, index) => `k${first + index}:1`));
    sequence += 500;
    await rig.last().answer(rig.last().texts.map((_, index) => landed(sequence + index)));
  }
  assert.equal(rig.pipeline.state().delivered, MANY + 1);
  return { rig, orders, held };
}

test("a lane with a record on its way is not forgotten, however many keys there are", async () => {
  const { rig, orders, held } = await crowded();
  const before = rig.puts.length;
  await rig.deliver(orders, "a:2");
  assert.equal(rig.puts.length, before);
  await held.answer([landed(1)]);
  assert.deepEqual(rig.last().texts, ["a:2"]);
});

test("of many keys idle ones are forgotten, which costs the check of a sequence number and nothing else", async () => {
  const { rig, orders } = await crowded();
  await rig.deliver(orders, "b:2");
  await rig.last().answer([landed(3)]);
  assert.equal(rig.pipeline.state().outOfOrder, 0);
  await rig.deliver(orders, "b:3");
  await rig.last().answer([landed(2)]);
  assert.equal(rig.pipeline.state().outOfOrder, 1);
});
