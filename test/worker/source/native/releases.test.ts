import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { systemClock, type Timer } from "../../../../runtime/clock.ts";
import { createReleases } from "../../../../worker/source/native/releases.ts";
import { plainBudget } from "../plain-budget.ts";

test("a wait for memory ends with a release, with its time, or with the signal, and leaves nothing behind", async () => {
  let release = (): void => undefined;
  const timers = new Set<() => void>();
  const clock = {
    ...systemClock,
    timer(_ms: number, callback: () => void): Timer {
      timers.add(callback);
      return { cancel: () => void timers.delete(callback) };
    },
  };
  const budget = {
    ...plainBudget(0),
    onRelease: (listener: () => void) => {
      release = listener;
    },
  };
  const releases = createReleases(budget, clock);
  const closing = new AbortController();
  const ends = [
    () => release(),
    () => {
      for (const expire of timers) expire();
    },
    () => closing.abort(),
  ];
  for (const end of ends) {
    const waits = [releases.next(2_000, closing.signal), releases.next(2_000, closing.signal)];
    assert.equal(releases.waiting, 2);
    end();
    await Promise.all(waits);
    assert.equal(releases.waiting + timers.size + getEventListeners(closing.signal, "abort").length, 0);
  }
  await releases.next(2_000, closing.signal);
});
