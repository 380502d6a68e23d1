/** A record that no stream of this size accepts, among others that it does. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { until } from "../e2e/kube.ts";
import { readNumbered } from "../e2e/traffic.ts";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { checkGuarantee } from "../guarantee.ts";
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
      await untilStored(2 * MESSAGES - behind);
      await until(
        "the report names the message",
        async () => (named(worker.output()) ? true : null),
        15_000,
        worker.output,
      );
      const read = await readNumbered(fake.url, "poison-ordered");
      const expected = traffic.produced.filter((message, index) => index < before || !isHeldBack(message));
      const result = checkGuarantee(expected, read, "ordered");
      t.diagnostic(`${behind} messages held back, ${result.duplicates} duplicates`);
      assert.ok(result.ok, `${result.explain()}\n${worker.output()}`);
    });
  });

  it("is parked, and all the rest flows, when order does not matter", async (t) => {
    await play(
      pulsar,
      { name: "poison-unordered", mode: "unordered" },
      async ({ fake, traffic, start, untilStored }) => {
        const worker = await start();
        await traffic.publish(MESSAGES);
        await traffic.publishLarge(POISONED, TOO_LARGE);
        await traffic.publish(MESSAGES);
        await untilStored(2 * MESSAGES);
        await until(
          "the report names the message",
          async () => (named(worker.output()) ? true : null),
          15_000,
          worker.output,
        );
        const result = checkGuarantee(traffic.produced, await readNumbered(fake.url, "poison-unordered"), "unordered");
        t.diagnostic(`${result.duplicates} duplicates`);
        assert.ok(result.ok, `${result.explain()}\n${worker.output()}`);
      },
    );
  });
});

/** By its id in the broker: ledger, entry, partition. */
function named(output: string): boolean {
  return new RegExp(
    `RecordTooLarge[^\\n]*\\b\\d+:\\d+:${POISONED}\\b|\\b\\d+:\\d+:${POISONED}\\b[^\\n]*RecordTooLarge`,
  ).test(output);
}
