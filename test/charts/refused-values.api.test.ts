import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { template, type Values } from "./chart.ts";

/** Values that must be refused, by what the message has to name. */
const REFUSED: readonly [string, Values][] = [
  ["replicas", { replicas: "two" }],
  ["replicas", { replicas: -1 }],
  ["replicaCount", { replicaCount: 2 }],
  ["logLevel", { logLevel: "verbose" }],
  ["image/repository", { image: { repository: "" } }],
  ["image/digest", { image: { digest: "abc" } }],
  ["image/tag", { image: { tag: 1.2 } }],
  ["image/pullPolicy", { image: { pullPolicy: "always" } }],
  ["registry", { image: { registry: "docker.io" } }],
  ["workerImage/pullSecrets", { workerImage: { pullSecrets: [{ name: "a" }] } }],
  ["imagePullSecrets/0", { imagePullSecrets: ["a"] }],
  ["watchNamespaces", { watchNamespaces: "orders" }],
  ["watchNamespaces/0", { watchNamespaces: ["Orders"] }],
  ["maxConcurrentReconciles", { maxConcurrentReconciles: 0 }],
  ["rollout/maxConcurrent", { rollout: { maxConcurrent: "0%" } }],
  ["rollout/maxConcurrent", { rollout: { maxConcurrent: "101%" } }],
  ["rollout/maxConcurrent", { rollout: { maxConcurrent: 0 } }],
  ["rollout/canaries", { rollout: { canaries: { tier: "canary" } } }],
  ["rollout/maxFailures", { rollout: { maxFailures: 0 } }],
  ["crds/keep", { crds: { keep: "yes" } }],
  ["install", { crds: { install: true } }],
  ["serviceAccount/annotations", { serviceAccount: { annotations: { a: 1 } } }],
  ["resources", { resources: { memory: "1Gi" } }],
  ["workerResources", { workerResources: { limit: {} } }],
  ["workerResources", { workerResources: { claims: [{ name: "gpu" }] } }],
  ["extraEnv/0", { extraEnv: [{ value: "x" }] }],
  ["podDisruptionBudget/maxUnavailable", { podDisruptionBudget: { maxUnavailable: "half" } }],
  ["metrics/serviceMonitor/interval", { metrics: { serviceMonitor: { interval: 30 } } }],
  ["terminationGracePeriodSeconds", { terminationGracePeriodSeconds: 0 }],
];

describe("helm refuses, naming the value,", { concurrency: 2 }, () => {
  for (const [name, values] of REFUSED) {
    it(JSON.stringify(values), async () => {
      const { code, stderr } = await template(values);
      assert.notEqual(code, 0, "helm accepts it");
      assert.ok(stderr.includes(name), `the message does not name ${name}: ${stderr}`);
    });
  }
});
