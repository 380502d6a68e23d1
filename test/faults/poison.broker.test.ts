/** A record that no stream of this size accepts, among others that it does. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { checkGuarantee, type GuaranteeResult } from "../load/guarantee.ts";
import { readNumbered } from "../load/traffic.ts";
import { until } from "../until.ts";
import { play } from "./scenario.ts";
import type { WorkerProcess } from "./worker-process.ts";

const MESSAGES = 1_000;
const TOO_LARGE = 1_100_000;
const POISONED = 1;

describe("a record that is too large", () => {
  let pulsar: Pulsar;
  before(async () => {
    pulsar = await startPulsar({ log: (line) => console.error(line) });
  });
  after(async () => await pulsar.close());

  it("stops its topic-partition where it stands, and no other, when order is kept", async (t) => {
    await play(pulsar, { name: "poison-ordered", mode: "ordered" }, async ({ fake, traffic, start, untilStored }) => {
      const worker = await start();
      await traffic.publish(MESSAGES);
      await untilStored(MESSAGES);
      await traffic.publishLarge(POISONED, TOO_LARGE);
      const before = traffic.produced.length;
      await traffic.publish(MESSAGES);
      const isHeldBack = ({ topicPartition }: { topicPartition: string }) =>
        topicPartition.endsWith(`-partition-${POISONED}`);
      const behind = traffic.produced.slice(before).filter(isHeldBack).length;
      const expected = traffic.produced.filter((message, index) => index < before || !isHeldBack(message));
      const judge = async () => checkGuarantee(expected, await readNumbered(fake.url, "poison-ordered"), "ordered");
      const result = await untilNamed(worker, judge);
      t.diagnostic(`${behind} messages held back, ${result.duplicates} duplicates`);
      assert.ok(result.ok, `${result.explain()}\n${worker.output()}`);
    });
  });

  it("is parked, and all the rest flows, when order does not matter", async (t) => {
    const name = "poison-unordered";
    await play(pulsar, { name, mode: "unordered" }, async ({ fake, traffic, start }) => {
      const worker = await start();
      await traffic.publish(MESSAGES);
      await traffic.publishLarge(POISONED, TOO_LARGE);
      await traffic.publish(MESSAGES);
      const judge = async () => checkGuarantee(traffic.produced, await readNumbered(fake.url, name), "unordered");
      const result = await untilNamed(worker, judge);
      t.diagnostic(`${result.duplicates} duplicates`);
      assert.ok(result.ok, `${result.explain()}\n${worker.output()}`);
    });
  });
});

/** Waits until the report names the message and nothing is missing, and judges what a consumer reads then. */
async function untilNamed(worker: WorkerProcess, judge: () => Promise<GuaranteeResult>): Promise<GuaranteeResult> {
  const last = () => worker.output();
  await until("all but the message is delivered", async () => (await judge()).missing.length === 0, { last });
  await until("the report names the message", async () => named(worker.output()), { last });
  return await judge();
}

/** By its id in the broker: ledger, entry, partition. */
function named(output: string): boolean {
  return new RegExp(
    `RecordTooLarge[^\\n]*\\b\\d+:\\d+:${POISONED}\\b|\\b\\d+:\\d+:${POISONED}\\b[^\\n]*RecordTooLarge`,
  ).test(output);
}
