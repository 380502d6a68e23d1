import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LeasedRequest, LeaseWatch } from "../../../../worker/pipeline/requests/lease-watch.ts";
import type { OutboundRecord } from "../../../../worker/pipeline/requests/outbound-record.ts";
import { adjustableClock, createVirtualClock } from "../../../clock.ts";

/** Requests under one lease, whose end a test moves. */
function scene() {
  const virtual = createVirtualClock();
  const clock = { ...virtual, ...adjustableClock(virtual) };
  const lease = { end: 4_000 };
  const record = {
    get writableUntil() {
      return lease.end;
    },
  } as OutboundRecord;
  const watch = new LeaseWatch(clock);
  const request = (records: readonly OutboundRecord[] = [record]): LeasedRequest & { aborted: () => boolean } => {
    const controller = new AbortController();
    const begun = { records, controller, writableUntil: 0, aborted: () => controller.signal.aborted };
    assert.equal(watch.begin(begun, clock.now()), true);
    return begun;
  };
  return { clock, virtual, lease, watch, request };
}

describe("the watch of leases", () => {
  test("aborts each request as soon as its lease is over, and follows a lease that is prolonged", async () => {
    const { virtual, lease, request } = scene();
    const first = request();
    const other = request([{ writableUntil: 6_000 } as OutboundRecord]);
    lease.end = 5_000;
    await virtual.advance(5_000);
    assert.equal(first.aborted(), false);
    await virtual.advance(1);
    assert.deepEqual([first.aborted(), other.aborted()], [true, false]);
    await virtual.advance(1_000);
    assert.equal(other.aborted(), true);
  });

  test("lets no more bytes of a request leave after its lease, though the process stood still and no timer ran", () => {
    const { clock, watch, request } = scene();
    const late = request();
    clock.advance(4_000);
    assert.equal(watch.holds(late, clock.now()), true);
    clock.advance(1);
    assert.equal(watch.holds(late, clock.now()), false);
  });

  test("lets a request that waited not begin after its lease", () => {
    const { clock, lease, watch } = scene();
    clock.advance(lease.end + 1);
    const record = { writableUntil: lease.end } as OutboundRecord;
    const late = { records: [record], controller: new AbortController(), writableUntil: 0 };
    assert.equal(watch.begin(late, clock.now()), false);
  });

  test("leaves alone what has ended, and what is no topic-partition's by itself", async () => {
    const { virtual, watch, request } = scene();
    const ended = request();
    const free = request([{ writableUntil: Number.POSITIVE_INFINITY } as OutboundRecord]);
    watch.end(ended);
    await virtual.advance(100_000);
    assert.deepEqual([ended.aborted(), free.aborted()], [false, false]);
  });

  test("looks at a request by the record whose lease ends first", async () => {
    const { virtual, request } = scene();
    const mixed = request([9_000, 2_000, 5_000].map((writableUntil) => ({ writableUntil }) as OutboundRecord));
    await virtual.advance(2_001);
    assert.equal(mixed.aborted(), true);
  });
});
