import assert from "node:assert/strict";
import { test } from "node:test";
import { freshMemory, type Repair } from "../../../operator/reconcile/context.ts";
import { isFight, repairAgainMs, repaired, repairWaitMs } from "../../../operator/reconcile/drift.ts";
import { createVirtualClock } from "../../clock.ts";

test("the first repair is at once, further ones wait ever longer, up to 5 minutes", () => {
  let now = 0;
  let repair: Repair | undefined;
  const waits: number[] = [];
  for (let nth = 0; nth < 11; nth += 1) {
    const wait = repairWaitMs(repair, now);
    waits.push(wait);
    now += wait;
    repair = repaired(repair, now);
  }
  assert.deepEqual(waits.slice(0, 6), [0, 1_000, 2_000, 4_000, 8_000, 16_000]);
  assert.deepEqual(waits.slice(-2), [256_000, 300_000]);
});

test("after ten quiet minutes it begins anew", () => {
  const repair = { times: 9, at: 0, waits: false };
  assert.equal(isFight(repair, 600_000), true);
  assert.equal(isFight(repair, 600_001), false);
  assert.deepEqual(repaired(repair, 600_001), { times: 1, at: 600_001, waits: false });
});

test("only a repair that waits, and has not had its turn yet, brings the sink back", () => {
  const clock = createVirtualClock();
  const memory = freshMemory("0000-sink");
  const again = (repair: Repair) => {
    memory.repairs.set("Role", repair);
    return repairAgainMs({ clock, memory });
  };
  assert.equal(again({ times: 3, at: 0, waits: false }), undefined);
  assert.equal(again({ times: 3, at: 0, waits: true }), 4_000);
  assert.equal(again({ times: 3, at: -4_000, waits: true }), undefined);
});
