import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { createPermits, newPermitAccount, permitTarget } from "../../../../worker/source/wire/permits.ts";

test("what all consumers may be sent fits into twice the free budget, but for the one message that is always admitted", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(
      fc.integer({ min: -1_000_000, max: 100_000_000 }),
      sizes,
      fc.integer({ min: 1, max: 5_000 }),
      (free, all, queue) => {
        const targets = all.map((size) => permitTarget(free, all.length, size, queue));
        const share = (2 * free) / all.length;
        for (const [index, target] of targets.entries()) {
          assert.ok(target <= queue);
          if (free <= 0) assert.equal(target, 0);
          else assert.ok(target === 1 || (target > 1 && target * (all[index] ?? 0) <= share));
        }
      },
    ),
  );
});

function scene(free: number, queueSize: number, perEntry = false) {
  const granted: number[] = [];
  const state = { free, release: (): void => undefined };
  const permits = createPermits(
    {
      get free() {
        return state.free;
      },
      take: () => undefined,
      onRelease: (listener) => {
        state.release = listener;
      },
    },
    queueSize,
    { bytes: 0 },
  );
  const account = newPermitAccount((count) => granted.push(count), perEntry);
  return { permits, account, granted, state };
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

test("what is known of a topic-partition's messages counts from the first grant on", () => {
  const { permits } = scene(1_000_000, 5_000);
  const granted: number[] = [];
  permits.open(newPermitAccount((count) => granted.push(count), false, 1_000));
  assert.deepEqual(granted, [2_000]);
});
