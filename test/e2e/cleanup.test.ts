import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertDelivered, startFlow } from "./flow.ts";
import { isReady } from "./kube.ts";
import { createScenario, type Scenario } from "./scenario.ts";
import { operatorInstalled, theStage } from "./setup.ts";

describe("a sink with cleanupSubscription", { concurrency: 1 }, () => {
  let scenario: Scenario;

  before(async () => {
    await operatorInstalled();
    scenario = await createScenario(theStage(), { name: "cleaned", ordered: true });
  });
  after(() => scenario.remove());

  /** Partitions that have the subscription. */
  async function subscribed(): Promise<number> {
    const { admin } = theStage().pulsar;
    const partitions = Array.from(
      { length: scenario.partitions },
      (_, index) => `${scenario.topic}-partition-${index}`,
    );
    const backlogs = await Promise.all(partitions.map((topic) => admin.backlog(topic, scenario.subscription)));
    return backlogs.filter((backlog) => backlog !== null).length;
  }

  it("takes its subscription along, by foreground deletion", async () => {
    const { kube } = theStage();
    const { namespace, name } = scenario;
    await kube.apply(scenario.manifest({ rest: { cleanupSubscription: true, replicas: 2 } }));
    const flow = startFlow(scenario, { perSecond: 50 });
    await kube.untilSink(namespace, name, "Ready with two workers", (sink) => {
      return isReady(sink) && sink.status.readyReplicas === 2;
    });
    await flow.stop();
    await assertDelivered(scenario, flow.traffic, "ordered");
    assert.equal(await subscribed(), scenario.partitions);
    await kube.kubectl(["-n", namespace, "delete", "ksink", name, "--cascade=foreground", "--timeout=240s"]);
    assert.equal(await subscribed(), 0);
  });
});
