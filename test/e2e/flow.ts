import assert from "node:assert/strict";
import { type Flow, startFlow as startTrafficFlow } from "../load/flow.ts";
import type { GuaranteeResult, Mode } from "../load/guarantee.ts";
import { checkStream, createTraffic, type Traffic } from "../load/traffic.ts";
import { until } from "../until.ts";
import type { Scenario } from "./scenario.ts";

/** Messages that keep coming to a scenario's topic. */
export interface ScenarioFlow extends Flow {
  readonly traffic: Traffic;
}

const WAVES_PER_SECOND = 5;
/** A test that fails must not publish for ever. */
const LIMIT_MS = 300_000;

/** Publishes `perSecond` messages every second until stopped, at most for five minutes. */
export function startFlow(scenario: Scenario, options: { perSecond: number; keys?: number }): ScenarioFlow {
  const { perSecond, keys = 40 } = options;
  const { stage, topic, partitions } = scenario;
  const traffic = createTraffic({ serviceUrl: stage.pulsar.serviceUrl, topic, partitions, keys });
  const wave = Math.ceil(perSecond / WAVES_PER_SECOND);
  const flow = startTrafficFlow(traffic, { wave, pauseMs: 1_000 / WAVES_PER_SECOND, limitMs: LIMIT_MS });
  return {
    traffic,
    stop: async () => {
      await flow.stop();
      await traffic.close();
    },
  };
}

/** Waits until all that was produced is in the stream, then holds it to the guarantee. */
export async function assertDelivered(scenario: Scenario, traffic: Traffic, mode: Mode): Promise<GuaranteeResult> {
  let result: GuaranteeResult | null = null;
  const look = async () => {
    result = await checkStream(traffic.produced, scenario.stage.kinesisEndpoint, scenario.stream, mode);
    return result.missing.length === 0 && result;
  };
  const delivered = await until(`all ${traffic.produced.length} messages are in the stream`, look, {
    last: () => result?.explain() ?? "",
  });
  assert.ok(delivered.ok, delivered.explain());
  return delivered;
}
