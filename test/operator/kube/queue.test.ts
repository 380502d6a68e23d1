import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createWorkQueue, type RunResult, type WorkQueueOptions } from "../../../operator/kube/queue.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createVirtualClock, settle } from "../../clock.ts";

function queueOf(options: Partial<WorkQueueOptions> & Pick<WorkQueueOptions, "handle">) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const queue = createWorkQueue({
    clock,
    onFailure: () => {},
    concurrency: 2,
    retry: { initial: 100, max: 1000 },
    random: () => 1,
    ...options,
  });
  return { queue, clock, stop, ended: queue.run(stop.signal) };
}

type Action = { kind: "add"; key: string } | { kind: "after"; key: string; ms: number } | { kind: "wait"; ms: number };

const keys = fc.constantFrom("a", "b", "c");
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), key: keys }),
  fc.record({ kind: fc.constant("after" as const), key: keys, ms: fc.integer({ min: 0, max: 500 }) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 300 }) }),
);

test("a key never runs twice at once, never more keys than allowed, and every request is followed by a run", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 40 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 200 })),
      fc.integer({ min: 1, max: 3 }),
      async (actions, durations, concurrency) => {
        const violations: string[] = [];
        const running = new Set<string>();
        const startedAfterRequest = new Map<string, boolean>();
        const { queue, clock, stop, ended } = queueOf({
          concurrency,
          handle: async (key) => {
            if (running.has(key)) violations.push(`${key} runs twice at once`);
            if (running.size >= concurrency) violations.push("more keys than allowed");
            running.add(key);
            startedAfterRequest.set(key, true);
            const ms = durations.next().value ?? 0;
            await clock.sleep(ms);
            running.delete(key);
            if (ms % 7 === 0) throw new Error("failed");
            return {};
          },
        });
        for (const step of actions) {
          if (step.kind === "wait") await clock.advance(step.ms);
          else {
            startedAfterRequest.set(step.key, false);
            if (step.kind === "add") queue.add(step.key);
            else queue.addAfter(step.key, step.ms);
          }
        }
        await clock.advance(20_000);
        assert.deepEqual(
          [...startedAfterRequest].filter(([, started]) => !started),
          [],
        );
        assert.equal(queue.depth(), 0);
        assert.deepEqual(violations, []);
        stop.abort();
        await clock.advance(1000);
        await ended;
      },
    ),
    { numRuns: 100 },
  );
});

test("requests during a run are one more run afterwards", async () => {
  let runs = 0;
  const { queue, clock } = queueOf({
    handle: async () => {
      runs += 1;
      await clock.sleep(100);
      return {};
    },
  });
  queue.add("a");
  await clock.advance(50);
  queue.add("a");
  queue.add("a");
  await clock.advance(1000);
  assert.equal(runs, 2);
});

test("a failing key is tried again after growing delays, without holding up another", async () => {
  const attempts: number[] = [];
  const others: number[] = [];
  const { queue, clock } = queueOf({
    concurrency: 1,
    handle: async (key): Promise<RunResult> => {
      if (key === "good") {
        others.push(clock.now());
        return {};
      }
      attempts.push(clock.now());
      throw new Error("no");
    },
  });
  queue.add("bad");
  await settle();
  queue.add("good");
  await clock.advance(3000);
  assert.deepEqual(attempts, [0, 100, 300, 700, 1500, 2500]);
  assert.deepEqual(others, [0]);
});

test("a success forgets the delays", async () => {
  const attempts: number[] = [];
  let failing = true;
  const { queue, clock } = queueOf({
    handle: async () => {
      attempts.push(clock.now());
      if (failing) throw new Error("no");
      return {};
    },
  });
  queue.add("a");
  await clock.advance(250);
  failing = false;
  queue.add("a");
  await clock.advance(10);
  failing = true;
  queue.add("a");
  await clock.advance(100);
  assert.deepEqual(attempts, [0, 100, 250, 260, 360]);
});

test("of several requests for later the earliest counts", async () => {
  const runs: number[] = [];
  const { queue, clock } = queueOf({
    handle: async () => {
      runs.push(clock.now());
      return {};
    },
  });
  queue.addAfter("a", 500);
  queue.addAfter("a", 200);
  queue.addAfter("a", 900);
  await clock.advance(2000);
  assert.deepEqual(runs, [200]);
});

test("a run may ask to be repeated even if nothing changes", async () => {
  const runs: number[] = [];
  const { queue, clock } = queueOf({
    handle: async () => {
      runs.push(clock.now());
      return runs.length < 3 ? { againAfterMs: 400 } : {};
    },
  });
  queue.add("a");
  await clock.advance(5000);
  assert.deepEqual(runs, [0, 400, 800]);
});

test("it ends when the run in progress has ended, and starts no other", async () => {
  const runs: string[] = [];
  const { queue, clock, stop, ended } = queueOf({
    concurrency: 1,
    handle: async (key) => {
      await clock.sleep(100);
      runs.push(key);
      return {};
    },
  });
  queue.add("a");
  queue.add("b");
  await clock.advance(50);
  stop.abort();
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await settle();
  assert.equal(over, false);
  await clock.advance(50);
  assert.equal(over, true);
  assert.deepEqual(runs, ["a"]);
});

test("a failure that names a time is not tried again before it", async () => {
  const runs: number[] = [];
  const delays: number[] = [];
  const { queue, clock, stop, ended } = queueOf({
    handle: async () => {
      runs.push(clock.now());
      if (runs.length === 1) throw new ApiError("PATCH", 429, { reason: "TooManyRequests" }, 7_000);
      return {};
    },
    onFailure: (_key, _error, delayMs) => delays.push(delayMs),
  });
  queue.add("a");
  await clock.advance(6_999);
  assert.deepEqual([runs, delays], [[0], [7_000]]);
  await clock.advance(1);
  assert.deepEqual(runs, [0, 7_000]);
  stop.abort();
  await ended;
});
