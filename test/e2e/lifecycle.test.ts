import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { MODES, type Mode } from "../load/guarantee.ts";
import { until } from "../until.ts";
import { assertDelivered, type ScenarioFlow, startFlow } from "./flow.ts";
import { condition, isReady } from "./kube.ts";
import { createScenario, type Scenario } from "./scenario.ts";
import { operatorInstalled, theStage } from "./setup.ts";
import { OPERATOR_NAMESPACE, RELEASE } from "./stage.ts";

const CHILDREN = ["deployments", "configmaps", "serviceaccounts", "roles", "rolebindings", "leases", "pods"];

interface Deployment {
  status: { availableReplicas?: number };
}

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  status: { phase: string };
}

describe("a release of the chart", () => {
  before(operatorInstalled);

  it("runs the operator and passes its own test", async () => {
    const { helm, kube } = theStage();
    const available = async (): Promise<number | undefined> =>
      (await kube.get<Deployment>(OPERATOR_NAMESPACE, "deployment", RELEASE))?.status.availableReplicas;
    await until("the operator is available", async () => (await available()) === 1);
    const output = await helm(["test", RELEASE, "--namespace", OPERATOR_NAMESPACE, "--timeout", "5m"]);
    assert.match(output, /Phase:\s+Succeeded/);
  });
});

describe("sinks side by side", { concurrency: 2 }, () => {
  for (const mode of MODES) live(mode);
});

function live(mode: Mode): void {
  // each step builds on the one before
  describe(`the life of an ${mode} sink`, { concurrency: 1 }, () => {
    let scenario: Scenario;
    let flow: ScenarioFlow;

    before(async () => {
      await operatorInstalled();
      scenario = await createScenario(theStage(), { name: `life-${mode}`, ordered: mode === "ordered" });
    });
    after(async () => {
      await flow.stop();
      await scenario.remove();
    });

    it("becomes Ready when it is applied, and moves messages", async () => {
      const { kube } = theStage();
      flow = startFlow(scenario, { perSecond: 100 });
      await kube.apply(scenario.manifest());
      const sink = await kube.untilSink(scenario.namespace, scenario.name, "Ready with a rate", (found) => {
        const { ratePerSecond = 0, backlog } = found.status.totals ?? {};
        return isReady(found) && ratePerSecond > 0 && backlog !== undefined;
      });
      assert.equal(condition(sink, "SourceConnected")?.status, "True");
      assert.equal(condition(sink, "StreamWritable")?.status, "True");
      assert.equal(condition(sink, "Stalled"), undefined);
      assert.equal(sink.status.workers?.length, 1);
      assert.equal(sink.status.workers?.[0]?.state, "Running");
    });

    it("shows stream, readiness, replicas, rate, backlog and age as columns", async () => {
      const [header = "", row = ""] = await until("a row without gaps", async () => {
        const lines = (await theStage().kube.kubectl(["-n", scenario.namespace, "get", "ksink"])).split("\n");
        return lines[1]?.trim().split(/\s+/).length === 7 && lines;
      });
      const columns = ["NAME", "STREAM", "READY", "PAUSED", "REPLICAS", "RATE", "BACKLOG", "AGE"];
      assert.deepEqual(header.trim().split(/\s+/), columns);
      // PAUSED is empty while it runs
      const [name, stream, ready, replicas, rate, backlog] = row.trim().split(/\s+/);
      assert.deepEqual([name, stream, ready, replicas], [scenario.name, scenario.stream, "True", "1"]);
      assert.ok(Number(rate) > 0, row);
      assert.ok(Number(backlog) >= 0, row);
    });

    it("rolls its workers when it is edited, without loss", async () => {
      const { kube } = theStage();
      const old = await podNames(scenario);
      await kube.apply(scenario.manifest({ config: { collectionMaxCount: 250 }, rest: { replicas: 2 } }));
      await kube.untilSink(scenario.namespace, scenario.name, "Ready with two new workers", (found) => {
        const pods = found.status.workers?.map(({ pod }) => pod) ?? [];
        return isReady(found) && found.status.readyReplicas === 2 && pods.length === 2 && !pods.some((p) => old.has(p));
      });
      await flow.stop();
      await assertDelivered(scenario, flow.traffic, mode);
    });

    it("leaves nothing when it is deleted", async () => {
      const { kube } = theStage();
      await kube.kubectl(["-n", scenario.namespace, "delete", "kinesissink", scenario.name, "--timeout=180s"]);
      await until("no child is left", async () => (await childrenOf(scenario)).length === 0);
    });
  });
}

async function podNames({ namespace }: Scenario): Promise<Set<string>> {
  const pods = await theStage().kube.list<Pod>(namespace, "pods");
  return new Set(pods.map(({ metadata }) => metadata.name));
}

async function childrenOf({ namespace, name }: Scenario): Promise<string[]> {
  const { kubectl } = theStage().kube;
  const names = await kubectl(["-n", namespace, "get", CHILDREN.join(","), "-o", "name"]);
  return names.split("\n").filter((line) => line.includes(`/${name}-kinesis-sink`));
}
