/**
 * 50,000 messages through one worker, with the defaults of a KinesisSink: without a fault, and with an endpoint that
 * cannot be reached for 45 s. `scripts/node test/bench/programs/fifty-thousand.ts` prints the table of docs/delivery.md.
 */
import { setTimeout as delay } from "node:timers/promises";
import { startPulsar } from "../../env/pulsar/broker.ts";
import { play } from "../../faults/scenario.ts";
import type { Mode } from "../../load/guarantee.ts";
import { print } from "../harness/table.ts";

const MESSAGES = 50_000;
const KEYS = 1_000;
const LATENCY_MS = 20;
const OUTAGE_MS = 45_000;
/** What scenarios shorten is put back to the defaults. */
const DEFAULTS = { requestTimeout: 6_000, connectTimeout: 6_000, retryMaxDelayInMillis: 60_000 };

const RUNS: readonly { readonly mode: Mode; readonly outage: boolean }[] = [
  { mode: "ordered", outage: false },
  { mode: "ordered", outage: true },
  { mode: "unordered", outage: false },
  { mode: "unordered", outage: true },
];

const log = (line: string): void => console.error(line);
const pulsar = await startPulsar({ log });
try {
  for (const { mode, outage } of RUNS) {
    const name = `${mode}-${outage ? "outage" : "calm"}`;
    await play(pulsar, { name, mode, keys: KEYS, config: DEFAULTS }, async (scenario) => {
      const { fake, relay, traffic, start, untilStored, check } = scenario;
      fake.faults.set({ latencyMs: LATENCY_MS });
      await start();
      const publishing = traffic.publish(MESSAGES);
      let back = performance.now();
      if (outage) {
        await untilStored(1_000);
        await relay.down();
        await delay(OUTAGE_MS);
        await relay.up();
        back = performance.now();
      }
      await publishing;
      const { missing, inversions, unknown, duplicates } = await check();
      const after = outage
        ? `, all delivered ${((performance.now() - back) / 1000).toFixed(1)} s after the outage`
        : "";
      print(
        `${name}: ${MESSAGES} messages, ${missing.length} lost, ${unknown.length} never produced, ` +
          `${inversions.length} inversions, ${duplicates} duplicates${after}`,
      );
    });
  }
} finally {
  await pulsar.close();
}
