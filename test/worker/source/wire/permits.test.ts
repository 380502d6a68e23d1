import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { nothingIncomplete } from "../../../../worker/source/wire/incomplete.ts";
import { isFull, newPermitAccount, type PermitAccount } from "../../../../worker/source/wire/permit-account.ts";
import { allowance, permitTarget } from "../../../../worker/source/wire/permit-target.ts";
import { createPermits } from "../../../../worker/source/wire/permits.ts";

const KNOWN = { bytesPerPermit: 1_000_000, bytesPerEntry: 1_000_000 };
const size = fc.integer({ min: 1, max: 1_000_000 });

test("whatever the order, consumers are sent no more than four times the free budget, and none more than its part", () => {
  const claimant = fc.record({ size, outstanding: fc.nat({ max: 100 }), held: fc.nat({ max: 1_000_000 }) });
  fc.assert(
    fc.property(
      fc.integer({ min: -1_000_000, max: 100_000_000 }),
      fc.array(claimant, { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 20_000_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      (free, all, part, queue) => {
        const promised = all.map((each) => each.outstanding * each.size);
        const before = promised.reduce((sum, bytes) => sum + bytes, 0);
        for (const [index, each] of all.entries()) {
          const others = promised.reduce((sum, bytes) => sum + bytes, 0) - (promised[index] ?? 0);
          const bytes = allowance({
            free,
            consumers: all.length,
            promised: others,
            part,
            held: each.held,
            isMoving: true,
            perEntry: false,
          });
          const target = permitTarget(bytes, each.size, each.size, queue);
          assert.ok(target <= queue);
          if (free <= 0) assert.equal(target, 0);
          if (target === 0) continue;
          assert.ok(each.held + target * each.size <= part);
          promised[index] = Math.max(promised[index] ?? 0, target * each.size);
        }
        const after = promised.reduce((sum, bytes) => sum + bytes, 0);
        assert.ok(after <= before + 4 * Math.max(0, free), `${after} bytes of ${free}`);
      },
    ),
  );
});

/** Everything of it is set by hand. */
function openShare() {
  return {
    held: 0,
    unfinished: 0,
    part: Number.POSITIVE_INFINITY,
    progress: 0,
    isMoving: true,
    isOnTrial: false,
    isStuck: false,
    take: () => undefined,
  };
}

function scene(free: number, queueSize: number, perEntry = false) {
  const granted: number[] = [];
  const state = { free, now: 0, release: (): void => undefined };
  const timers: { readonly at: number; readonly callback: () => void }[] = [];
  const waiting = nothingIncomplete();
  const made = createPermits(
    {
      total: free,
      get free() {
        return state.free;
      },
      get untriedRoom() {
        return state.free;
      },
      shareOf: openShare,
      onRelease: (listener) => {
        state.release = listener;
      },
    },
    queueSize,
    waiting,
    {
      now: () => state.now,
      timer(ms, callback) {
        const timer = { at: state.now + ms, callback };
        timers.push(timer);
        return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
      },
    },
  );
  const permits = {
    open: (account: PermitAccount, share = openShare()) => made.open(account, share),
    received: made.received.bind(made),
    topUp: made.topUp.bind(made),
    stop: made.stop.bind(made),
  };
  const advance = (ms: number): void => {
    state.now += ms;
    for (const { callback } of timers.splice(0, timers.length).filter(({ at }) => at <= state.now)) callback();
  };
  const account = newPermitAccount((count) => granted.push(count), perEntry);
  return { made, permits, account, granted, state, waiting, timers, advance };
}

test("grants come when half is used, and make good what a batch overdrew", () => {
  const { permits, account, granted } = scene(1e9, 100);
  permits.open(account);
  permits.received(account, 40, 40_000);
  permits.topUp(account);
  assert.deepEqual(granted, [100]);
  permits.received(account, 90, 90_000);
  permits.topUp(account);
  assert.deepEqual(granted, [100, 130]);
});

test("a consumer that got nothing is topped up when bytes are given back", async () => {
  const { permits, account, granted, state } = scene(0, 100);
  permits.open(account);
  assert.deepEqual(granted, []);
  state.free = 1;
  state.release();
  await turn();
  assert.deepEqual(granted, [1]);
  permits.stop();
  permits.received(account, 1, 1);
  state.free = 1e9;
  state.release();
  await turn();
  assert.deepEqual(granted, [1]);
});

test("a message larger than those before counts at once, a smaller one little by little", () => {
  const { permits, account } = scene(1e9, 100);
  permits.open(account);
  permits.received(account, 1, 1_000_000);
  assert.equal(account.bytesPerPermit, 1_000_000);
  permits.received(account, 1, 100);
  assert.ok((account.bytesPerPermit ?? 0) > 800_000);
  for (let index = 0; index < 200; index++) permits.received(account, 1, 100);
  assert.ok((account.bytesPerPermit ?? 0) < 110);
});

test("an active consumer is granted as many entries as fit into the free budget, whatever number of messages they hold", () => {
  const { permits, account, granted, state } = scene(1_000_000, 5_000, true);
  permits.open(account);
  permits.received(account, 1_000, 100_000);
  state.free -= 100_000;
  permits.topUp(account);
  assert.deepEqual(granted, [1, 999 + 9]);
});

test("active consumers together are granted what their connection brings in time, and one entry each in any case", () => {
  const { permits, state } = scene(1e9, 5_000, true);
  let receivable = 2_000_000;
  const granted: number[][] = [[], []];
  const accounts = granted.map((grants) =>
    newPermitAccount(
      (count) => grants.push(count),
      true,
      { bytesPerPermit: 100_000, bytesPerEntry: 100_000 },
      () => receivable,
    ),
  );
  for (const account of accounts) permits.open(account, openShare());
  assert.deepEqual(granted, [[20], [10]], "each has its part of it");
  const [account] = accounts;
  assert.ok(account);
  receivable = 10_000;
  permits.received(account, 20, 100_000);
  state.free -= 100_000;
  permits.topUp(account);
  assert.deepEqual(granted[0], [20, 1]);
});

test("entries that are dropped say nothing of the size of others", () => {
  const { permits, account } = scene(1e9, 100);
  permits.open(account);
  permits.received(account, 10, 0);
  assert.deepEqual([account.outstanding, account.bytesPerPermit], [90, null]);
  permits.received(account, 1, 1_000);
  for (let index = 0; index < 50; index++) permits.received(account, 1, 0);
  assert.equal(account.bytesPerPermit, 1_000);
});

test("what is known of a topic-partition's messages counts from the first grant on", () => {
  const { permits } = scene(1_000_000, 5_000);
  const granted: number[] = [];
  permits.open(
    newPermitAccount((count) => granted.push(count), false, { bytesPerPermit: 1_000, bytesPerEntry: 1_000 }),
  );
  assert.deepEqual(granted, [2_000]);
});

test("what was given back is asked for once, by one consumer after the other", async () => {
  const { permits, state } = scene(1, 5_000, true);
  const grants: number[] = [];
  const accounts = Array.from({ length: 4 }, (_, index) => newPermitAccount(() => grants.push(index), true, KNOWN));
  for (const account of accounts) permits.open(account, openShare());
  state.free = 0;
  for (const account of accounts) permits.received(account, 1_000, 1_000_000);
  grants.length = 0;
  for (let turns = 0; turns < 8; turns++) {
    state.free = 600_000;
    state.release();
    await turn();
    const [index = 0] = grants.slice(-1);
    assert.equal(grants.length, turns + 1, "one for what was given back");
    state.free = 0;
    permits.received(accounts[index] as (typeof accounts)[number], 1_000, 1_000_000);
  }
  assert.deepEqual(grants, [0, 1, 2, 3, 0, 1, 2, 3]);
});

test("what is on its way to active consumers is not asked for a second time by those that got theirs", async () => {
  const { permits, state } = scene(4_000_000, 5_000, true);
  const grants: number[] = [];
  const accounts = Array.from({ length: 4 }, (_, index) => newPermitAccount(() => grants.push(index), true, KNOWN));
  for (const account of accounts) permits.open(account, openShare());
  for (const account of accounts) permits.received(account, 1_000, 1_000_000);
  grants.length = 0;
  state.release();
  await turn();
  assert.deepEqual(grants, [0, 1, 2, 3]);
  grants.length = 0;
  const [first] = accounts as [(typeof accounts)[number]];
  state.free -= 1_000_000;
  permits.received(first, 1_000, 1_000_000);
  permits.topUp(first);
  assert.deepEqual(grants, [], "three are on their way, and there is room for three");
  state.free += 1_000_000;
  state.release();
  await turn();
  assert.deepEqual(grants, [0], "it is asked for when it was given back");
});

test("what idle consumers were granted does not count against one that is busy", () => {
  const { permits, state } = scene(1_000_000, 5_000, true);
  const granted: number[] = [];
  for (let index = 0; index < 50; index++) permits.open(newPermitAccount(() => undefined, true));
  const account = newPermitAccount((count) => granted.push(count), true, {
    bytesPerPermit: 1_000,
    bytesPerEntry: 1_000,
  });
  permits.open(account);
  granted.length = 0;
  permits.received(account, 19, 1_000);
  state.free -= 1_000;
  permits.topUp(account);
  assert.equal(granted.length, 1);
});

test("no consumer waits for what others were granted and do not get, whatever comes in which order", async () => {
  const step = fc.record({
    who: fc.nat({ max: 15 }),
    bytes: fc.constantFrom(200, 2_000, 50_000, 3_000_000),
    messages: fc.constantFrom(1, 5, 1_000),
    releases: fc.nat({ max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 16 }), fc.array(step, { maxLength: 120 }), async (count, steps) => {
      const total = 16_000_000;
      const { permits, state } = scene(total, 5_000, true);
      const accounts = Array.from({ length: count }, () => newPermitAccount(() => undefined, true));
      for (const account of accounts) permits.open(account, openShare());
      const taken: number[] = [];
      const release = async (): Promise<void> => {
        state.free += taken.shift() ?? 0;
        state.release();
        await turn();
      };
      for (const { who, bytes, messages, releases } of steps) {
        const account = accounts[who % count] as (typeof accounts)[number];
        if (account.outstanding <= 0) continue;
        taken.push(bytes);
        state.free -= bytes;
        permits.received(account, messages, bytes);
        permits.topUp(account);
        const share = Math.floor(state.free / count / (account.bytesPerPermit ?? 1));
        if (share >= 2) assert.ok(account.outstanding > 0, "there is room for an entry of each");
        for (let index = 0; index < releases; index++) await release();
        state.now += 1;
      }
      while (taken.length > 0) await release();
      for (const { outstanding } of accounts) assert.ok(outstanding > 0);
    }),
  );
});

test("a consumer whose turn did not come gets it though nothing is given back any more", async () => {
  const { permits, state, advance, timers } = scene(4_000_000, 5_000, true);
  const grants = new Set<number>();
  const accounts = Array.from({ length: 12 }, (_, index) => newPermitAccount(() => grants.add(index), true, KNOWN));
  for (const account of accounts) permits.open(account, openShare());
  for (const account of accounts) permits.received(account, account.outstanding, 1_000_000);
  grants.clear();
  // One message is stuck for good.
  state.free = 3_000_000;
  state.release();
  await turn();
  assert.ok(grants.size > 0 && grants.size < 12, `${grants.size} got a turn at once`);
  // Those have nothing, so that nothing comes back.
  for (let second = 0; second < 12; second++) advance(1_001);
  assert.equal(grants.size, 12);
  permits.stop();
  assert.deepEqual(timers, []);
});

test("the rest of a chunked message is asked for, whatever others were granted", () => {
  const { permits, state, waiting } = scene(4_000_000, 5_000, true);
  const accounts = Array.from({ length: 5 }, () => newPermitAccount(() => undefined, true, KNOWN));
  for (const account of accounts) permits.open(account, openShare());
  for (const account of accounts) permits.received(account, account.outstanding - 1, 1_000_000);
  const granted: number[] = [];
  const chunked = newPermitAccount((count) => granted.push(count), true, KNOWN);
  permits.open(chunked);
  granted.length = 0;
  state.free -= 1_000_000;
  waiting.bytes += 1_000_000;
  permits.received(chunked, chunked.outstanding, 1_000_000);
  permits.topUp(chunked);
  assert.deepEqual(granted, [1]);
});

test("a broker that would withhold or forget is asked for no more, until something is acknowledged", () => {
  for (const [count, messages] of [
    [45, 1_000],
    [9_000, 1],
  ] as const) {
    const { made, account, granted } = scene(1e12, 5_000);
    made.open(account, openShare());
    for (let entry = 0; entry < count; entry += 1) {
      assert.ok(!isFull(account), `${entry}`);
      made.received(account, messages, 1_000);
      made.topUp(account);
    }
    assert.ok(isFull(account));
    const before = granted.length;
    account.outstanding = 0;
    made.topUp(account);
    assert.equal(granted.length, before);
    for (let entry = 0; entry < 2; entry += 1) made.acknowledged(account, messages);
    made.topUp(account);
    assert.equal(granted.length, before + 1);
  }
});

test("the active consumer, whose acknowledgements are cumulative, is asked for more whatever is open", () => {
  const { made, account, granted } = scene(1e12, 5_000, true);
  made.open(account, openShare());
  for (let entry = 0; entry < 20_000; entry += 1) {
    made.received(account, 1_000, 1_000);
    made.topUp(account);
  }
  assert.ok(account.outstanding > 0 && granted.length > 3);
});

test("beyond its part a topic-partition gets one entry at a time, and a further one only when something was done", () => {
  const { made, account, granted } = scene(1_000_000, 5_000);
  const share = { ...openShare(), part: 100_000 };
  made.open(account, share);
  const receive = (bytes: number): void => {
    share.held += bytes;
    made.received(account, account.outstanding, bytes);
    made.topUp(account);
  };
  receive(200_000);
  assert.deepEqual(granted, [1], "it holds more than its part, and nothing was done");
  share.progress += 1;
  made.topUp(account);
  assert.deepEqual(granted, [1, 1]);
  receive(200_000);
  assert.deepEqual(granted, [1, 1]);
  share.isStuck = true;
  share.progress += 1;
  made.topUp(account);
  assert.deepEqual(granted, [1, 1], "nothing comes to what is stuck");
});
