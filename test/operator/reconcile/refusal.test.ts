import assert from "node:assert/strict";
import { test } from "node:test";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import { refusedAgainMs } from "../../../operator/reconcile/refusal.ts";
import { createVirtualClock } from "../../clock.ts";
import { liveSink } from "../sink-fixture.ts";

const refused = { reason: "NameConflict", message: "Role x exists", stalls: true };

test("a refused sink is tried again ever more rarely, up to 5 minutes", async () => {
  const clock = createVirtualClock();
  const context = { clock, memory: freshMemory("0000-sink"), sink: liveSink() };
  const waits: (number | undefined)[] = [];
  for (let nth = 0; nth < 7; nth += 1) {
    const wait = refusedAgainMs(context, refused) ?? assert.fail();
    waits.push(wait);
    await clock.advance(wait);
  }
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
});

test("a reconcile in between counts up nothing; another cause, another spec, or success begin anew", async () => {
  const clock = createVirtualClock();
  const memory = freshMemory("0000-sink");
  const sink = liveSink();
  refusedAgainMs({ clock, memory, sink }, refused);
  await clock.advance(10_000);
  assert.equal(refusedAgainMs({ clock, memory, sink }, refused), 20_000);
  await clock.advance(5_000);
  assert.equal(refusedAgainMs({ clock, memory, sink }, refused), 15_000);
  assert.equal(refusedAgainMs({ clock, memory, sink }, { ...refused, message: "another" }), 10_000);
  const edited = liveSink({}, { generation: 4 });
  await clock.advance(10_000);
  assert.equal(refusedAgainMs({ clock, memory, sink: edited }, { ...refused, message: "another" }), 10_000);
  assert.equal(refusedAgainMs({ clock, memory, sink }, undefined), undefined);
  assert.equal(refusedAgainMs({ clock, memory, sink }, { ...refused, message: "another" }), 10_000);
});
