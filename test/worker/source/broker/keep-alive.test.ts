import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../../runtime/clock.ts";
import { createKeepAlive } from "../../../../worker/source/broker/keep-alive.ts";

/** Runs the timer that is due next, `lateMs` after its time. */
function scene() {
  const state = { now: 0, heardAt: 0, pings: 0, silent: 0 };
  const timers: { readonly at: number; readonly callback: () => void }[] = [];
  const keepAlive = createKeepAlive({
    clock: {
      ...systemClock,
      now: () => state.now,
      timer(ms, callback) {
        const timer = { at: state.now + ms, callback };
        timers.push(timer);
        return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
      },
    },
    heardAt: () => state.heardAt,
    ping: () => void state.pings++,
    onSilent: () => void state.silent++,
  });
  const next = (lateMs = 0): void => {
    const timer = timers.shift();
    assert.ok(timer);
    state.now = timer.at + lateMs;
    timer.callback();
  };
  return { keepAlive, state, timers, next };
}

test("a broker that answers pings is asked every 5 seconds", () => {
  const { keepAlive, state, timers, next } = scene();
  keepAlive.start();
  for (let count = 0; count < 10; count++) {
    state.heardAt = state.now;
    next();
  }
  assert.deepEqual([state.now, state.pings, state.silent], [50_000, 11, 0]);
  keepAlive.end();
  assert.deepEqual(timers, []);
});

test("a broker that says nothing for more than 10 seconds is silent, and asked no more", () => {
  const { keepAlive, state, timers, next } = scene();
  keepAlive.start();
  next();
  next();
  assert.equal(state.silent, 0);
  next();
  assert.deepEqual([state.now, state.pings, state.silent], [15_000, 3, 1]);
  assert.deepEqual(timers, []);
});

test("a long turn of this process is not taken for a silent broker", () => {
  const { keepAlive, state, next } = scene();
  keepAlive.start();
  next(20_000);
  assert.equal(state.silent, 0);
  next();
  assert.equal(state.silent, 1);
});
