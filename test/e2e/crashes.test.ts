import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { MODES, type Mode } from "../load/guarantee.ts";
import { until } from "../until.ts";
import { assertDelivered, startFlow } from "./flow.ts";
import { isReady } from "./kube.ts";
import { createScenario, type Scenario } from "./scenario.ts";
import { operatorInstalled, theEnvironment, theStage } from "./setup.ts";
import { OPERATOR_NAMESPACE } from "./stage.ts";

interface Pod {
  metadata: { name: string };
  spec: { replicas?: number };
  status: { containerStatuses?: { restartCount: number; ready: boolean }[] };
}

describe("workers that crash", { concurrency: 2 }, () => {
  for (const mode of MODES) playKill(mode);
});

function playKill(mode: Mode): void {
  describe(`an ${mode} worker killed with SIGKILL in mid-stream`, () => {
    let scenario: Scenario;

    before(async () => {
      await operatorInstalled();
      scenario = await createScenario(theStage(), { name: `kill-${mode}`, ordered: mode === "ordered" });
    });
    after(() => scenario.remove());

    it(`loses nothing${mode === "ordered" ? " and keeps the order" : ""}`, async (t) => {
      const { kube } = theStage();
      await kube.apply(scenario.manifest());
      await kube.untilSink(scenario.namespace, scenario.name, "Ready", isReady);
      const flow = startFlow(scenario, { perSecond: 300 });
      const [pod] = await kube.list<Pod>(scenario.namespace, "pods");
      assert.ok(pod);
      await delay(3000);
      await theEnvironment().kubernetes.signalContainer(
        { namespace: scenario.namespace, pod: pod.metadata.name },
        "SIGKILL",
      );
      await until("the container has restarted", async () => (await restarts(scenario)) > 0);
      await delay(3000);
      await flow.stop();
      const { duplicates } = await assertDelivered(scenario, flow.traffic, mode);
      t.diagnostic(`${flow.traffic.produced.length} messages, ${duplicates} repeated`);
    });
  });
}

describe("the operator and the API server", () => {
  let scenario: Scenario;

  before(async () => {
    await operatorInstalled();
    scenario = await createScenario(theStage(), { name: "outage", ordered: false });
    await theStage().kube.apply(scenario.manifest());
    await theStage().kube.untilSink(scenario.namespace, scenario.name, "Ready", isReady);
  });
  after(() => scenario.remove());

  it("takes over again after the operator was killed", async () => {
    const { kube } = theStage();
    const [pod] = await kube.list<Pod>(OPERATOR_NAMESPACE, "pods", "app.kubernetes.io/component!=test");
    assert.ok(pod);
    const target = { namespace: OPERATOR_NAMESPACE, pod: pod.metadata.name };
    await theEnvironment().kubernetes.signalContainer(target, "SIGKILL");
    await assertRepaired(scenario);
  });

  it("carries on after the API server was restarted", async () => {
    const { kubernetes } = theEnvironment();
    await kubernetes.killApiServer();
    await kubernetes.ready();
    await assertRepaired(scenario);
    // A pod of those that were too many may have lived long enough to report.
    await theStage().kube.untilSink(
      scenario.namespace,
      scenario.name,
      "Ready with the report of one worker",
      (sink) => isReady(sink) && sink.status.workers?.length === 1,
    );
  });
});

/** The operator reconciles: what somebody removes or changes comes back. */
async function assertRepaired({ namespace, name }: Scenario): Promise<void> {
  const { kube } = theStage();
  const child = `${name}-kinesis-sink`;
  const ours = `pulsar-kinesis.io/sink=${name}`;
  await kube.kubectl(["-n", namespace, "delete", "configmap", "-l", ours]);
  await kube.kubectl(["-n", namespace, "scale", "deployment", child, "--replicas=3"]);
  await until("ConfigMap and replicas are as the sink says", async () => {
    const configMaps = await kube.list(namespace, "configmaps", ours);
    const deployment = await kube.get<Pod>(namespace, "deployment", child);
    return configMaps.length === 1 && deployment?.spec.replicas === 1;
  });
}

async function restarts({ namespace }: Scenario): Promise<number> {
  const pods = await theStage().kube.list<Pod>(namespace, "pods");
  return pods.flatMap(({ status }) => status.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0);
}
