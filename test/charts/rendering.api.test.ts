import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { dump, load } from "js-yaml";
import { readConfig } from "../../operator/config.ts";
import { children } from "../../operator/desired/children.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import { DEPLOYMENTS, type PolicyRule } from "../../operator/kube/objects.ts";
import { LEASE_RULES, NAMESPACE_RULES } from "../../operator/rbac.ts";
import { liveSink } from "../operator/sink-fixture.ts";
import { CHART, EVERYTHING, type Manifest, only, render, runHelm, template, type Values } from "./chart.ts";
import { permissions } from "./permissions.ts";
import { type PodSpec, restrictedViolations } from "./pod-security.ts";

const GOLDEN = join(import.meta.dirname, "golden");

function podSpec(manifest: Manifest): PodSpec {
  if (manifest.kind === "Pod") return manifest["spec"] as PodSpec;
  return (manifest["spec"] as { template: { spec: PodSpec } }).template.spec;
}

function rules(manifests: readonly Manifest[]): PolicyRule[] {
  return manifests
    .filter((manifest) => manifest.kind === "ClusterRole" || manifest.kind === "Role")
    .flatMap((manifest) => manifest["rules"] as PolicyRule[]);
}

describe("the chart", () => {
  it("passes helm lint --strict", async () => {
    const { code, stdout, stderr } = await runHelm(["lint", "--strict", CHART]);
    assert.equal(code, 0, stdout + stderr);
  });

  // UPDATE_GOLDEN=1 writes the files anew; the difference is for the reviewer to judge.
  for (const [name, values] of Object.entries({ defaults: {}, everything: EVERYTHING }) satisfies [string, Values][]) {
    it(`renders as golden/${name}.yaml`, async () => {
      const manifests = (await render({ ...values, crds: { enabled: false } })).filter(
        (manifest) => manifest.metadata.name !== "sinks-kinesis-sink-operator-test" || manifest.kind !== "ConfigMap",
      );
      const file = join(GOLDEN, `${name}.yaml`);
      if (process.env["UPDATE_GOLDEN"] === "1") {
        writeFileSync(
          file,
          manifests.map((manifest) => dump(manifest, { lineWidth: -1, quoteStyle: "double" })).join("---\n"),
        );
      }
      const golden = readFileSync(file, "utf8")
        .split(/^---\n/m)
        .map((text) => load(text));
      assert.deepEqual(manifests, golden);
    });
  }

  it("runs every pod under the Restricted Pod Security Standard", async () => {
    const pods = (await render(EVERYTHING)).filter(({ kind }) => kind === "Deployment" || kind === "Pod");
    assert.equal(pods.length, 2);
    for (const pod of pods) assert.deepEqual(restrictedViolations(podSpec(pod)), [], pod.kind);
  });

  it("gives the operator an environment that it accepts", async () => {
    for (const values of [{}, EVERYTHING]) {
      const [container] = podSpec(only(await render(values), "Deployment")).containers;
      const fromFields = { POD_NAME: "operator-0", POD_NAMESPACE: "kinesis" };
      const given = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
      const config = readConfig({ ...given, ...fromFields });
      assert.equal(config.leaderElection.leaseName, "sinks-kinesis-sink-operator");
      assert.equal(config.httpPort, 8080);
      if (values !== EVERYTHING) continue;
      assert.deepEqual(config.watchNamespaces, ["orders", "payments"]);
      assert.equal(config.operatorClass, "blue");
      assert.deepEqual(config.pause, { all: true, namespaces: ["orders"] });
      assert.deepEqual(config.worker, {
        image: "registry.example/worker:2.0.0",
        imagePullPolicy: "Always",
        imagePullSecrets: ["registry-a", "registry-b"],
        resources: { requests: { cpu: "1", memory: "256Mi" }, limits: { memory: "512Mi" } },
        pod: { ...(EVERYTHING["workerPod"] as object), securityContext: { runAsUser: 1000 } },
        disruptionBudget: { maxUnavailable: "25%" },
        networkPolicy: { from: [{ podSelector: {} }], egress: [{ ports: [{ port: 443 }] }] },
      });
      assert.equal(config.logLevel, "debug");
      assert.equal(config.concurrency, 8);
    }
  });

  it("leaves user and groups of operator and workers to the platform when they are null", async () => {
    const none = { runAsUser: null, runAsGroup: null };
    const values = { podSecurityContext: none, workerPod: { securityContext: { ...none, fsGroup: null } } };
    const manifests = await render(values);
    const pods = manifests.filter(({ kind }) => kind === "Deployment" || kind === "Pod").map(podSpec);
    assert.equal(pods.length, 2);
    for (const { securityContext } of pods) {
      assert.deepEqual(securityContext, { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    }
    const [operator] = podSpec(only(manifests, "Deployment")).containers;
    const given = Object.fromEntries((operator?.env ?? []).map(({ name, value }) => [name, value]));
    const { worker } = readConfig({ ...given, POD_NAME: "operator-0", POD_NAMESPACE: "kinesis" });
    const sink = children(liveSink(), worker).find(({ type }) => type === DEPLOYMENTS)?.object as DeploymentObject;
    assert.deepEqual(sink.spec.template.spec?.securityContext, {
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
  });

  it("refuses several operators without an election", async () => {
    const { code, stderr } = await template({ replicas: 2, leaderElection: { enabled: false } });
    assert.notEqual(code, 0);
    assert.match(stderr, /replicas: more than 1 needs leaderElection\.enabled/);
  });
});

describe("images", () => {
  async function images(values: Values): Promise<{ operator: string; worker: string; test: string }> {
    const manifests = await render(values);
    const [operator] = podSpec(only(manifests, "Deployment")).containers;
    const [test] = podSpec(only(manifests, "Pod")).containers;
    const worker = operator?.env?.find(({ name }) => name === "WORKER_IMAGE")?.value;
    return { operator: operator?.image ?? "", worker: worker ?? "", test: test?.image ?? "" };
  }

  it("are all the operator's, at the chart's appVersion, by default", async () => {
    const { appVersion } = load(readFileSync(join(CHART, "Chart.yaml"), "utf8")) as { appVersion: string };
    const image = `pulsar-kinesis-operator:${appVersion}`;
    assert.deepEqual(await images({}), { operator: image, worker: image, test: image });
  });

  it("take repository and tag", async () => {
    const image = "registry.example:5000/a/b:v1";
    const values = { image: { repository: "registry.example:5000/a/b", tag: "v1" } };
    assert.deepEqual(await images(values), { operator: image, worker: image, test: image });
  });

  it("take a digest before a tag", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const { operator } = await images({ image: { repository: "r.example/a", tag: "v1", digest } });
    assert.equal(operator, `r.example/a@${digest}`);
  });

  it("can differ for workers", async () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const { operator, worker } = await images({
      image: { repository: "r.example/a", tag: "v1" },
      workerImage: { repository: "r.example/w", digest },
    });
    assert.deepEqual([operator, worker], ["r.example/a:v1", `r.example/w@${digest}`]);
  });

  it("can differ for workers by a tag or a digest alone", async () => {
    const image = { repository: "r.example/a", tag: "v1" };
    const byTag = await images({ image, workerImage: { tag: "v2" } });
    assert.deepEqual([byTag.operator, byTag.worker], ["r.example/a:v1", "r.example/a:v2"]);
    const digest = `sha256:${"1".repeat(64)}`;
    const byDigest = await images({ image: { ...image, digest: `sha256:${"2".repeat(64)}` }, workerImage: { digest } });
    assert.equal(byDigest.worker, `r.example/a@${digest}`);
    const tagOverDigest = await images({ image: { ...image, digest }, workerImage: { tag: "v2" } });
    assert.equal(tagOverDigest.worker, "r.example/a:v2");
  });
});

describe("permissions", () => {
  it("hold no verb on secrets and no wildcard, in any role of the chart", async () => {
    const all = rules(await render(EVERYTHING));
    assert.ok(all.length > 10);
    for (const rule of all) {
      assert.ok(
        !rule.resources.some((resource) => resource === "secrets" || resource.includes("*")),
        JSON.stringify(rule),
      );
      assert.ok(![...rule.apiGroups, ...rule.verbs].includes("*"), JSON.stringify(rule));
    }
  });

  it("are what the operator declares", async () => {
    const role = only(await render(), "ClusterRole", "kinesis-sink-operator-class-default");
    assert.deepEqual(permissions(role["rules"] as PolicyRule[]), permissions(NAMESPACE_RULES));
  });

  it("on leases are what the operator declares, confined to its own lease where that is possible", async () => {
    const role = only(await render(), "Role", "sinks-kinesis-sink-operator-leader-election");
    const given = role["rules"] as (PolicyRule & { resourceNames?: string[] })[];
    const [declared] = LEASE_RULES;
    assert.deepEqual(new Set(given.flatMap(({ verbs }) => verbs)), new Set(declared?.verbs));
    for (const { apiGroups, resources, verbs, resourceNames } of given) {
      assert.deepEqual([apiGroups, resources], [declared?.apiGroups, declared?.resources]);
      if (!verbs.includes("create")) assert.deepEqual(resourceNames, ["sinks-kinesis-sink-operator"]);
    }
  });

  it("are Roles in the watched namespaces alone", async () => {
    const values = { watchNamespaces: ["orders", "payments"], rbac: { aggregate: false } };
    const manifests = (await render(values)).filter(({ metadata }) => metadata.annotations === undefined);
    assert.deepEqual(
      manifests
        .filter(({ kind }) => /Role(Binding)?$/.test(kind))
        .map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`)
        .sort(),
      [
        "Role kinesis sinks-kinesis-sink-operator-leader-election",
        "Role orders kinesis-sink-operator-class-default",
        "Role payments kinesis-sink-operator-class-default",
        "RoleBinding kinesis sinks-kinesis-sink-operator-leader-election",
        "RoleBinding orders kinesis-sink-operator-class-default",
        "RoleBinding payments kinesis-sink-operator-class-default",
      ],
    );
    const { rules: own } = only(
      manifests.filter(({ metadata }) => metadata.namespace === "orders"),
      "Role",
    ) as { rules?: PolicyRule[] };
    assert.deepEqual(permissions(own ?? []), permissions(NAMESPACE_RULES));
  });

  it("are named by the operator's class, whatever the release is called", async () => {
    const manifests = await render({ operatorClass: "blue", fullnameOverride: "x" });
    const { roleRef } = only(manifests, "ClusterRoleBinding", "kinesis-sink-operator-class-blue") as {
      roleRef?: { name: string };
    };
    assert.equal(roleRef?.name, only(manifests, "ClusterRole", "kinesis-sink-operator-class-blue").metadata.name);
  });

  it("are left to the administrator with rbac.create=false, but for those of the chart's own test", async () => {
    const manifests = await render({ rbac: { create: false } });
    const roles = manifests.filter(({ kind }) => kind.includes("Role"));
    assert.ok(roles.every(({ metadata }) => metadata.annotations?.["helm.sh/hook"] === "test"));
  });

  it("of users join view and edit", async () => {
    const manifests = await render();
    const labels = (name: string) => only(manifests, "ClusterRole", name).metadata.labels ?? {};
    assert.equal(labels("sinks-kinesis-sink-operator-view")["rbac.authorization.k8s.io/aggregate-to-view"], "true");
    assert.equal(labels("sinks-kinesis-sink-operator-edit")["rbac.authorization.k8s.io/aggregate-to-edit"], "true");
  });
});

describe("the definition", () => {
  const source = () => load(readFileSync(join(CHART, "../../crds/kinesissinks.yaml"), "utf8")) as Manifest;

  it("is rendered unchanged, marked to be kept", async () => {
    const definition = only(await render(), "CustomResourceDefinition");
    assert.equal(definition.metadata.name, "kinesissinks.pulsar-kinesis.io");
    assert.equal(definition.metadata.annotations?.["helm.sh/resource-policy"], "keep");
    assert.deepEqual(definition["spec"], source()["spec"]);
  });

  it("loses the mark with crds.keep=false", async () => {
    const definition = only(await render({ crds: { keep: false } }), "CustomResourceDefinition");
    assert.equal(definition.metadata.annotations?.["helm.sh/resource-policy"], undefined);
    assert.deepEqual(definition["spec"], source()["spec"]);
  });

  it("is left out with crds.enabled=false", async () => {
    const kinds = (await render({ crds: { enabled: false } })).map(({ kind }) => kind);
    assert.ok(!kinds.includes("CustomResourceDefinition"));
  });
});
