/** A record that no stream of this size accepts, among others that it does. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import type { GuaranteeResult } from "../load/guarantee.ts";
import { checkStream } from "../load/traffic.ts";
import type { WorkerProcess } from "../load/worker-process.ts";
import { until } from "../until.ts";
import { play } from "./scenario.ts";

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
      const check = () => checkStream(expected, fake.url, "poison-ordered", "ordered");
      const result = await untilNamed(worker, check);
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
      const check = () => checkStream(traffic.produced, fake.url, name, "unordered");
      const result = await untilNamed(worker, check);
      t.diagnostic(`${result.duplicates} duplicates`);
      assert.ok(result.ok, `${result.explain()}\n${worker.output()}`);
    });
  });
});

/** Waits until the report names the message and nothing is missing, and checks what a consumer reads then. */
async function untilNamed(worker: WorkerProcess, check: () => Promise<GuaranteeResult>): Promise<GuaranteeResult> {
  const last = () => worker.output();
  await until("all but the message is delivered", async () => (await check()).missing.length === 0, { last });
  await until("the report names the message", async () => named(worker.output()), { last });
  return await check();
}

/** By its id in the broker: ledger, entry, partition. */
function named(output: string): boolean {
  return new RegExp(
    `RecordTooLarge[^\\n]*\\b\\d+:\\d+:${POISONED}\\b|\\b\\d+:\\d+:${POISONED}\\b[^\\n]*RecordTooLarge`,
  ).test(output);
}
