import assert from "node:assert/strict";
import { test } from "node:test";
import { createReporter } from "../../../worker/report/reporter.ts";
import { beatDelay, changeDelay } from "../../../worker/report/schedule.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";

function setUp(options: { replicas?: number; fail?: () => boolean; random?: () => number } = {}) {
  const clock = createVirtualClock();
  const published: { at: number; report: string }[] = [];
  let facts = "Running";
  const reporter = createReporter({
    report: () => facts,
    facts: () => facts,
    publish: async (report) => {
      if (options.fail?.()) throw new Error("no API server");
      published.push({ at: clock.now(), report });
      return { replicas: options.replicas ?? 1 };
    },
    clock,
    log: silentLog,
    random: options.random ?? (() => 0.5),
  });
  return { clock, published, reporter, change: (value: string) => (facts = value) };
}

test("the beat is ten seconds for few workers and N²/40 seconds for many", () => {
  assert.equal(beatDelay(1, 0.5), 10_000);
  assert.equal(beatDelay(100, 0.5), 250_000);
  assert.equal(beatDelay(1, 0), 8000);
});

test("a change waits within N × 0.5 s and at least until 5 s after the last report", () => {
  assert.equal(changeDelay(1, 0, 60_000), 0);
  assert.equal(changeDelay(1, 0, 1000), 4000);
  assert.equal(changeDelay(100, 0.9, 60_000), 45_000);
});

test("it reports at once when it starts, and then on every beat", async () => {
  const { clock, published, reporter } = setUp();
  reporter.start();
  await clock.advance(25_000);
  assert.deepEqual(
    published.map(({ at }) => at),
    [0, 10_000, 20_000],
  );
});

test("a change is reported before the next beat, but not within five seconds of the last report", async () => {
  const { clock, published, reporter, change } = setUp({ replicas: 1 });
  reporter.start();
  await clock.advance(1000);
  change("Stalled");
  reporter.notice();
  await clock.advance(6000);
  assert.deepEqual(published, [
    { at: 0, report: "Running" },
    { at: 5000, report: "Stalled" },
  ]);
});

test("the delay of a change is drawn once, however often it is noticed, so that many workers spread over all of it", async () => {
  const draws = [0.5, 0.8];
  const { clock, published, reporter, change } = setUp({ replicas: 100, random: () => draws.shift() ?? 0 });
  reporter.start();
  await clock.advance(10_000);
  change("Stalled");
  for (let second = 0; second < 60; second += 1) {
    reporter.notice();
    await clock.advance(1000);
  }
  assert.deepEqual(published, [
    { at: 0, report: "Running" },
    { at: 50_000, report: "Stalled" },
  ]);
});

test("a report that fails is tried again with a back-off", async () => {
  let failures = 3;
  const { clock, published, reporter } = setUp({ fail: () => failures-- > 0 });
  reporter.start();
  await clock.advance(9000);
  assert.equal(published.length, 1);
  assert.ok((published[0]?.at ?? 0) > 1000);
});

test("a change does not cut the back-off short while reports fail", async () => {
  let down = false;
  let attempts = 0;
  const fail = () => {
    if (down) attempts += 1;
    return down;
  };
  const { clock, reporter, change } = setUp({ fail });
  reporter.start();
  await clock.advance(6000);
  down = true;
  change("Stalled");
  for (let second = 0; second < 60; second += 1) {
    reporter.notice();
    await clock.advance(1000);
  }
  assert.ok(attempts > 1 && attempts < 10, `${attempts} attempts in a minute`);
});

test("the last report is written before close resolves", async () => {
  const { clock, published, reporter, change } = setUp();
  reporter.start();
  await clock.advance(1000);
  change("Terminated");
  const closed = reporter.close(new AbortController().signal);
  await clock.advance(5000);
  await closed;
  assert.deepEqual(published.at(-1), { at: 5000, report: "Terminated" });
  await clock.advance(60_000);
  assert.equal(published.length, 2);
});

test("close ends at its deadline, though the API server keeps silentLog on a report that is on its way", async () => {
  const clock = createVirtualClock();
  const reporter = createReporter({
    report: () => "Running",
    facts: () => "Running",
    publish: async (_, signal) => {
      signal.throwIfAborted();
      return await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
    clock,
    log: silentLog,
  });
  reporter.start();
  await clock.advance(1000);
  const deadline = new AbortController();
  const since = performance.now();
  const closed = reporter.close(deadline.signal);
  deadline.abort();
  await clock.advance(60_000);
  await closed;
  // A report that is on its way would end by itself after 10 s.
  assert.ok(performance.now() - since < 9_000);
});
