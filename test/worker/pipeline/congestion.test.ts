/** An endpoint that serves so many records per second, in the order of arrival, whether or not anybody still waits. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig } from "./rig.ts";

const TIMEOUT_MS = 6_000;
const SECONDS = 300;

/** @returns records served and records delivered after five minutes of more than enough to do */
async function overload(ordered: boolean, recordsPerSecond: number) {
  const rig = createRig({ ordered, maxConcurrentRequests: 24, budgetBytes: 100_000_000, handoverWaitMs: TIMEOUT_MS });
  const { clock, puts } = rig;
  const orders = rig.assign();
  const messages = recordsPerSecond * SECONDS * 2;
  await rig.deliver(orders, ...Array.from({ length: messages }, (_, i) => `k${i % 20_000}:${Math.floor(i / 20_000)}`));
  let freeAt = 0;
  let served = 0;
  let taken = 0;
  for (let tick = 0; tick < SECONDS * 20; tick += 1) {
    for (; taken < puts.length; taken += 1) {
      const put = puts[taken];
      if (put === undefined) break;
      const { length } = put.texts;
      const expires = clock.timer(TIMEOUT_MS, () => {
        void put.fail({ code: "RequestTimeout", class: "transient", message: "not in time", ambiguous: true });
      });
      freeAt = Math.max(freeAt, clock.now()) + (length * 1_000) / recordsPerSecond;
      clock.timer(freeAt - clock.now(), () => {
        served += length;
        expires.cancel();
        void put.accept();
      });
    }
    await clock.advance(50);
  }
  return { served, delivered: rig.pipeline.state().delivered };
}

describe("an endpoint slower than what is offered", () => {
  for (const ordered of [true, false]) {
    for (const recordsPerSecond of [20, 200]) {
      test(`is kept busy with what is new, at ${recordsPerSecond} records/s, ${ordered ? "ordered" : "unordered"}`, async (t) => {
        const { served, delivered } = await overload(ordered, recordsPerSecond);
        t.diagnostic(`${served} records served in ${SECONDS} s, ${delivered} of them new`);
        assert.ok(delivered > 0.5 * recordsPerSecond * SECONDS, `${delivered} delivered, ${served} served`);
      });
    }
  }
});
