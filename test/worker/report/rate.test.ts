import assert from "node:assert/strict";
import { test } from "node:test";
import { createRate } from "../../../worker/report/rate.ts";

test("without two samples there is no rate", () => {
  const rate = createRate();
  assert.equal(rate.perSecond(), 0);
  rate.sample(0, 10);
  assert.equal(rate.perSecond(), 0);
});

test("before the window is full, the mean is over the time since the first sample", () => {
  const rate = createRate(60_000);
  for (let s = 0; s <= 10; s++) rate.sample(s * 1000, s * 50);
  assert.equal(rate.perSecond(), 50);
});

test("a burst is seen for a whole window, and gone after it", () => {
  const rate = createRate(60_000);
  rate.sample(0, 0);
  for (let s = 1; s <= 59; s++) rate.sample(s * 1000, 600);
  assert.ok(rate.perSecond() > 10);
  for (let s = 60; s <= 125; s++) rate.sample(s * 1000, 600);
  assert.equal(rate.perSecond(), 0);
});

test("samples that come faster than once a second do not grow the memory or change the rate", () => {
  const rate = createRate(60_000);
  for (let ms = 0; ms <= 30_000; ms += 10) rate.sample(ms, ms);
  assert.equal(rate.perSecond(), 1000);
});
