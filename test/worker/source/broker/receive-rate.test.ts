import assert from "node:assert/strict";
import { test } from "node:test";
import { createReceiveRate } from "../../../../worker/source/broker/receive-rate.ts";

const MIB = 1024 * 1024;

test("what may be on its way is what arrived while an answer waited behind it", () => {
  const rate = createReceiveRate();
  rate.asked(0);
  rate.received(5 * MIB);
  rate.answered(5_000);
  assert.equal(rate.within(2_000), 2 * MIB);
});

test("grows with what arrives, while answers come quickly", () => {
  const rate = createReceiveRate();
  const first = rate.within(2_000);
  rate.asked(0);
  rate.answered(0);
  assert.equal(rate.within(2_000), first, "nothing came: that says nothing");
  rate.asked(1_000);
  rate.received(4 * MIB);
  rate.answered(1_024);
  assert.equal(rate.within(1_024), 8 * MIB);
});

test("does not shrink to nothing where a broker was slow, and sent nothing", () => {
  const rate = createReceiveRate();
  rate.asked(0);
  rate.answered(9_000);
  assert.ok(rate.within(2_000) > MIB / 4);
});

test("an answer without a question says nothing", () => {
  const rate = createReceiveRate();
  const first = rate.within(2_000);
  rate.received(MIB);
  rate.answered(10_000);
  assert.equal(rate.within(2_000), first);
});
