import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../../runtime/clock.ts";
import { createKeepAlive } from "../../../../worker/source/broker/keep-alive.ts";

/** Runs the timer that is due next, `lateMs` after its time. */
function scene() {
  const state = { now: 0, pings: 0, silent: 0 };
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

test("a broker that answers pings is asked every second", () => {
  const { keepAlive, state, timers, next } = scene();
  keepAlive.start();
  for (let count = 0; count < 10; count++) {
    keepAlive.heard(5);
    keepAlive.onPong();
    assert.equal(keepAlive.answeredAt, state.now);
    next();
  }
  assert.deepEqual([state.now, state.pings, state.silent], [10_000, 11, 0]);
  keepAlive.end();
  assert.deepEqual(timers, []);
});

test("an answer counts for the oldest ping without one, by the time at which that was sent", () => {
  const { keepAlive, state, next } = scene();
  keepAlive.start();
  next();
  next();
  state.now = 2_900;
  assert.equal(keepAlive.answeredAt, Number.NEGATIVE_INFINITY);
  for (const answeredAt of [0, 1_000, 2_000]) {
    keepAlive.onPong();
    assert.equal(keepAlive.answeredAt, answeredAt);
  }
  keepAlive.onPong();
  assert.equal(keepAlive.answeredAt, 2_000, "an answer that was not asked for counts for nothing");
  keepAlive.answered(1_500);
  assert.equal(keepAlive.answeredAt, 2_000);
  keepAlive.answered(2_500);
  assert.equal(keepAlive.answeredAt, 2_500);
});

test("a broker that sends, but answers nothing, is not asked without end", () => {
  const { keepAlive, state, next } = scene();
  keepAlive.start();
  for (let count = 0; count < 100; count++) {
    keepAlive.heard(1_000);
    next();
  }
  assert.deepEqual([state.pings, state.silent], [16, 0]);
});

test("a broker that says nothing for more than 10 seconds is silent, and asked no more", () => {
  const { keepAlive, state, timers, next } = scene();
  keepAlive.start();
  for (let count = 0; count < 10; count++) next();
  assert.equal(state.silent, 0);
  next();
  assert.deepEqual([state.now, state.pings, state.silent], [11_000, 11, 1]);
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
