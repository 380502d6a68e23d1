import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { checkGuarantee, type GuaranteeResult } from "../load/guarantee.ts";
import { createTraffic, readNumbered, type Traffic } from "../load/traffic.ts";
import { until } from "../until.ts";
import type { Scenario } from "./scenario.ts";

/** Messages that keep coming while a test does something to the parts. */
export interface Flow {
  readonly traffic: Traffic;
  /** Stops producing; resolves when what was published is stored. */
  stop(): Promise<void>;
}

/** Publishes `perSecond` messages every second until stopped, at most for five minutes. */
export function startFlow(scenario: Scenario, options: { perSecond: number; keys?: number }): Flow {
  const { perSecond, keys = 40 } = options;
  const { stage, topic, partitions } = scenario;
  const traffic = createTraffic({ serviceUrl: stage.pulsar.serviceUrl, topic, partitions, keys });
  let running = true;
  const produce = async () => {
    for (let round = 0; running && round < 1500; round++) {
      await traffic.publish(Math.ceil(perSecond / 5));
      await delay(200);
    }
  };
  const done = produce();
  return {
    traffic,
    stop: async () => {
      running = false;
      await done;
      await traffic.close();
    },
  };
}

/** Waits until all that was produced is in the stream, then holds it to the guarantee. */
export async function assertDelivered(
  scenario: Scenario,
  traffic: Traffic,
  mode: "ordered" | "unordered",
): Promise<GuaranteeResult> {
  let result: GuaranteeResult | null = null;
  const look = async () => {
    const read = await readNumbered(scenario.stage.kinesisEndpoint, scenario.stream);
    result = checkGuarantee(traffic.produced, read, mode);
    return result.missing.length === 0 && result;
  };
  const delivered = await until(`all ${traffic.produced.length} messages are in the stream`, look, {
    last: () => result?.explain() ?? "",
  });
  assert.ok(delivered.ok, delivered.explain());
  return delivered;
}
