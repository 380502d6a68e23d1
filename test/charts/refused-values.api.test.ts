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
  ["operatorClass", { operatorClass: "Blue" }],
  ["pause/namespaces/0", { pause: { namespaces: ["Orders"] } }],
  ["operatorClass", { operatorClass: "" }],
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
  [
    "workerResources.limits.memory: must be a quantity, for example 100m or 512Mi: did you mean 512Mi?",
    { workerResources: { limits: { memory: "512MB" } } },
  ],
  [
    "workerResources.requests.cpu: must be a quantity, for example 100m or 512Mi: did you mean 500m?",
    { workerResources: { requests: { cpu: "0.5cores" } } },
  ],
  ["resources.limits.memory: must be a quantity", { resources: { limits: { memory: "plenty" } } }],
  ["workerPod/securityContext/runAsUser", { workerPod: { securityContext: { runAsUser: 0 } } }],
  ["workerPod/nodeSelector", { workerPod: { nodeSelector: ["a"] } }],
  ["workerPod", { workerPod: { image: "x" } }],
  ["workerPodDisruptionBudget/maxUnavailable", { workerPodDisruptionBudget: { maxUnavailable: "some" } }],
  ["workerNetworkPolicy/from", { workerNetworkPolicy: { from: "all" } }],
  ["extraEnv/0", { extraEnv: [{ value: "x" }] }],
  ["podDisruptionBudget/maxUnavailable", { podDisruptionBudget: { maxUnavailable: "half" } }],
  ["metrics/serviceMonitor/interval", { metrics: { serviceMonitor: { interval: 30 } } }],
  ["guardRails/actions", { guardRails: { actions: ["Deny", "Warn"] } }],
  ["guardRails/actions/0", { guardRails: { actions: ["Refuse"] } }],
  ["guardRails/images/registries/0", { guardRails: { images: { registries: ["https://registry.example.com"] } } }],
  ["guardRails/serviceAccounts/names/0", { guardRails: { serviceAccounts: { names: ["*-x"] } } }],
  ["guardRails/serviceAccounts/annotations/a", { guardRails: { serviceAccounts: { annotations: { a: "x" } } } }],
  ["forbidInsecure", { guardRails: { forbidInsecure: "yes" } }],
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
