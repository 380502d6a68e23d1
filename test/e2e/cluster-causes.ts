import assert from "node:assert/strict";
import { pulsarAdmin } from "../load/pulsar-admin.ts";
import { until } from "../until.ts";
import type { Cause } from "./cause.ts";
import { createScenario, type Scenario } from "./scenario.ts";
import { theEnvironment, theStage } from "./setup.ts";

const SMALL = { partitions: 2, shards: 1 };

/** What is wrong with the broker, and with the namespace that a sink is in. */
export const clusterCauses: readonly Cause[] = [
  {
    name: "a broker that does not answer",
    reason: "BrokerUnreachable",
    side: "SourceConnected",
    stalls: false,
    arrange: async () => {
      const broker = await theEnvironment().startPulsar();
      const { serviceUrl, adminUrl } = broker;
      const stage = { ...theStage(), pulsar: { serviceUrl, adminUrl, admin: pulsarAdmin(adminUrl) } };
      const scenario = await createScenario(stage, { ...SMALL, name: "no-broker", ordered: true });
      await broker.stop();
      return {
        scenario,
        brokerIsDown: true,
        words: [`cannot reach ${serviceUrl}`, "ECONNREFUSED", "spec.pulsar.serviceUrl"],
        mend: () => broker.start(),
        close: () => broker.close(),
      };
    },
  },
  {
    name: "a Secret with private keys that does not exist",
    reason: "SecretMissing",
    side: "SourceConnected",
    stalls: true,
    arrange: async () => {
      const scenario = await createScenario(theStage(), { ...SMALL, name: "no-private-keys", ordered: true });
      const { kube } = scenario.stage;
      const encryption = { privateKeys: { name: "orders-keys" }, onFailure: "Fail" } as const;
      const metadata = { name: "orders-keys", namespace: scenario.namespace };
      return {
        scenario: {
          ...scenario,
          manifest: (changes = {}) => scenario.manifest({ ...changes, pulsar: { encryption, ...changes.pulsar } }),
        },
        words: ["Secret orders-keys does not exist", "each key being the name of an encryption key"],
        mend: async () =>
          void (await kube.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: { "orders-key": "any" } })),
      };
    },
  },
  {
    name: "a quota that leaves no room for pods",
    reason: "QuotaExceeded",
    stalls: true,
    arrange: async () => {
      const scenario = await createScenario(theStage(), { ...SMALL, name: "no-room", ordered: true });
      const lift = await restrict(scenario, "no-pods", { pods: "0" });
      return { scenario, words: ["pods cannot be created", "exceeded quota: no-pods"], mend: lift };
    },
  },
  {
    name: "a quota that leaves no room for what the operator makes",
    reason: "ApplyForbidden",
    stalls: true,
    arrange: async () => {
      const scenario = await createScenario(theStage(), { ...SMALL, name: "no-rollout", ordered: true });
      const lift = await restrict(scenario, "no-deployments", { "count/deployments.apps": "0" });
      return { scenario, words: ["Deployment was refused", "exceeded quota: no-deployments"], mend: lift };
    },
  },
  {
    name: "an object of the same name that is not the sink's",
    reason: "NameConflict",
    stalls: true,
    arrange: async () => {
      const { kube } = theStage();
      const scenario = await createScenario(theStage(), { ...SMALL, name: "taken", ordered: true });
      const { namespace } = scenario;
      const name = `${scenario.name}-kinesis-sink`;
      const rbac = "rbac.authorization.k8s.io/v1";
      const theirs = { apiVersion: rbac, kind: "Role", metadata: { name, namespace }, rules: [] };
      await kube.apply(theirs);
      const read = () => kube.get<{ metadata: object; rules: object }>(namespace, "role", name);
      const before = await read();
      return {
        scenario,
        words: [`Role ${name} exists`, "belongs to nobody"],
        check: async () => assert.deepEqual(await read(), before, "it was touched"),
        mend: async () => void (await kube.kubectl(["-n", namespace, "delete", "role", name])),
      };
    },
  },
];

/** Sets a quota and waits until it is in force. Returns what lifts it. */
async function restrict({ namespace }: Scenario, name: string, hard: Record<string, string>) {
  const { kube } = theStage();
  const metadata = { name, namespace };
  await kube.apply({ apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard } });
  await until(
    `quota ${name} is in force`,
    async () =>
      (await kube.get<{ status?: { used?: object } }>(namespace, "resourcequota", name))?.status?.used ?? null,
  );
  return async () => void (await kube.kubectl(["-n", namespace, "delete", "resourcequota", name]));
}
