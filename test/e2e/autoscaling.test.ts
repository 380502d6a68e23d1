import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createTraffic, type Traffic } from "../load/traffic.ts";
import { createScenario, type Scenario } from "./scenario.ts";
import { operatorInstalled, theStage } from "./setup.ts";

const MESSAGES = 30_000;

interface Event {
  regarding: { name: string };
  reason: string;
  note: string;
}

describe("a sink with spec.autoscaling", { concurrency: 1 }, () => {
  let scenario: Scenario;
  let traffic: Traffic;

  before(async () => {
    await operatorInstalled();
    scenario = await createScenario(theStage(), { name: "autoscaled", ordered: false });
    const { topic, partitions } = scenario;
    traffic = createTraffic({ serviceUrl: theStage().pulsar.serviceUrl, topic, partitions, keys: 40 });
    await traffic.publish(MESSAGES);
  });
  after(async () => {
    await traffic.close();
    await scenario.remove();
  });

  /** @returns what was decided */
  async function untilReplicas(wanted: number, reason: string): Promise<string> {
    const { kube } = theStage();
    const { namespace, name } = scenario;
    const sink = await kube.untilSink(namespace, name, `${wanted} workers`, ({ status }) => {
      return status.autoscaling?.replicas === wanted && status.readyReplicas === wanted;
    });
    const events = await kube.list<Event>(namespace, "events.events.k8s.io");
    const told = events.filter((event) => event.regarding.name === name && event.reason === reason);
    assert.ok(told.length > 0, `an Event ${reason}`);
    return sink.status.autoscaling?.lastDecision ?? "";
  }

  it("gets more workers while much waits in Pulsar", async () => {
    // a record a request, one after the other: some hundreds a second, far below what a shard takes
    const slow = { aggregationEnabled: false, collectionMaxCount: 1, maxConnections: 1 };
    const autoscaling = {
      minReplicas: 1,
      maxReplicas: 2,
      targetLagSeconds: 20,
      scaleUpStabilizationSeconds: 0,
      scaleDownStabilizationSeconds: 0,
    };
    await theStage().kube.apply(scenario.manifest({ config: slow, rest: { autoscaling } }));
    const decision = await untilReplicas(2, "ScaledUp");
    assert.match(decision, /^1 → 2 workers: lag \d+ s of targetLagSeconds 20/);
  });
});
