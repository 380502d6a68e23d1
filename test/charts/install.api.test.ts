import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { load, loadAll } from "js-yaml";
import { until } from "../until.ts";
import { type ApiServer, connect, outcome, remove, withoutApiServer } from "./api-server.ts";
import { CHART, type HelmResult, type Manifest, only, runHelm } from "./chart.ts";
import type { PodSpec } from "./pod-security.ts";

const DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/kinesissinks.pulsar-kinesis.io";
const OWNER = ["meta.helm.sh/release-name", "meta.helm.sh/release-namespace"];

describe("helm, on an API server,", { skip: withoutApiServer }, () => {
  const namespace = `install-${Math.random().toString(36).slice(2, 10)}`;
  const name = `${namespace}-kinesis-sink-operator`;
  let server: ApiServer;
  /** The definition of another release on the same cluster, which gets it back in the end. */
  let present: Manifest | undefined;

  before(async () => {
    server = connect();
    if ((await outcome(server.admin, { path: DEFINITION })).status === 200) present = await definition();
  });
  after(async () => {
    for (const name of [namespace, `${namespace}-b`]) {
      await runHelm(["uninstall", name, "--namespace", namespace, "--ignore-not-found"]);
    }
    await remove(server.admin, `/api/v1/namespaces/${namespace}`);
    if (present === undefined) await remove(server.admin, DEFINITION);
    else await annotate(Object.fromEntries(OWNER.map((key) => [key, present?.metadata.annotations?.[key] ?? null])));
    server.close();
  });

  /** Runs no pods, so that no image is needed. */
  function release(command: "install" | "upgrade", name: string, ...args: string[]): Promise<HelmResult> {
    // A class of its own, for there may be another release on the cluster.
    const set = ["--set", `replicas=0,operatorClass=${namespace}`, "--namespace", namespace, "--timeout", "5m"];
    return runHelm([command, name, CHART, ...set, ...args]);
  }

  function definition(): Promise<Manifest> {
    return server.admin.request<Manifest>({ path: DEFINITION });
  }

  function annotate(annotations: Record<string, string | null>): Promise<unknown> {
    const body = { metadata: { annotations } };
    return server.admin.request({
      method: "PATCH",
      path: DEFINITION,
      contentType: "application/merge-patch+json",
      body,
    });
  }

  async function exists(path: string): Promise<boolean> {
    const { status, message } = await outcome(server.admin, { path });
    assert.ok(status === 200 || status === 404, message);
    return status === 200;
  }

  const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const clusterRole = `/apis/rbac.authorization.k8s.io/v1/clusterroles/kinesis-sink-operator-class-${namespace}`;
  const policy = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${name}-worker-status`;

  it("installs every object, and says how to go on", async () => {
    const { code, stdout, stderr } = await release("install", namespace, "--create-namespace", "--take-ownership");
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`helm test ${namespace} --namespace ${namespace}`));
    assert.match(stdout, /kind: KinesisSink/);
    for (const path of [DEFINITION, deployment, clusterRole, policy]) assert.ok(await exists(path), path);
    const told = async (): Promise<string[]> => {
      const { status } = (await definition()) as unknown as {
        status: { conditions: { type: string; status: string }[] };
      };
      return status.conditions.map((condition) => `${condition.type} ${condition.status}`);
    };
    await until("the definition is established", async () => {
      const present = await told();
      return ["Established True", "NamesAccepted True"].every((one) => present.includes(one));
    });
    assert.ok(!(await told()).some((condition) => condition.startsWith("NonStructuralSchema")));
  });

  it("prints notes whose example the API server accepts", async () => {
    const { stdout } = await runHelm(["get", "notes", namespace, "--namespace", namespace]);
    const example = /^apiVersion: pulsar-kinesis[\s\S]*?(?=^EOF$)/m.exec(stdout)?.[0];
    assert.ok(example !== undefined, stdout);
    const path = `/apis/pulsar-kinesis.io/v1alpha1/namespaces/${namespace}/kinesissinks`;
    await server.admin.request({
      method: "PATCH",
      path: `${path}/orders`,
      query: { fieldManager: "kubectl", dryRun: "All", fieldValidation: "Strict" },
      contentType: "application/apply-patch+yaml",
      body: load(example),
    });
  });

  it("gives editors of a namespace its sinks, and viewers no more than to read them", async () => {
    const role = (name: string) =>
      server.admin.request<Manifest>({ path: `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}` });
    const verbs = async (name: string): Promise<string[]> => {
      const rules = (await role(name))["rules"] as { apiGroups: string[]; resources: string[]; verbs: string[] }[];
      const own = rules.filter(
        ({ apiGroups, resources }) => apiGroups[0] === "pulsar-kinesis.io" && resources.includes("kinesissinks"),
      );
      return own.flatMap((rule) => rule.verbs).sort();
    };
    await until("editors may create sinks", async () => (await verbs("edit")).includes("create"));
    assert.deepEqual(new Set(await verbs("view")), new Set(["get", "list", "watch"]));
  });

  it("runs its pods in a namespace that enforces the Restricted Pod Security Standard", async () => {
    const enforced = { metadata: { labels: { "pod-security.kubernetes.io/enforce": "restricted" } } };
    const contentType = "application/merge-patch+json";
    await server.admin.request({
      method: "PATCH",
      path: `/api/v1/namespaces/${namespace}`,
      contentType,
      body: enforced,
    });
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const create = (body: unknown) =>
      outcome(server.admin, { method: "POST", path: pods, query: { dryRun: "All" }, body });
    const careless = {
      metadata: { name: "careless" },
      spec: { containers: [{ name: "c", image: "none.invalid/none" }] },
    };
    await until("the standard is enforced", async () => (await create(careless)).status === 403);

    const { spec } = await server.admin.request<{ spec: { template: { spec: PodSpec } } }>({ path: deployment });
    const operator = await create({ metadata: { name: "operator" }, spec: spec.template.spec });
    assert.deepEqual(operator, { status: 200, message: "" });
    const hooks = loadAll((await runHelm(["get", "hooks", namespace, "--namespace", namespace])).stdout) as Manifest[];
    const account = only(hooks, "ServiceAccount");
    await server.admin.request({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/serviceaccounts`,
      body: account,
    });
    assert.deepEqual(await create(only(hooks, "Pod")), { status: 200, message: "" });
  });

  it("refuses a second release of the same class, and takes one of another", async () => {
    const other = `${namespace}-b`;
    const second = (...args: string[]) => release("install", other, "--set", "crds.enabled=false", ...args);
    const refused = await second();
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, new RegExp(`ClusterRole "kinesis-sink-operator-class-${namespace}".*ownership`, "s"));
    const taken = await second("--set", `operatorClass=${other}`);
    assert.equal(taken.code, 0, taken.stderr);
    assert.equal((await runHelm(["uninstall", other, "--namespace", namespace, "--wait"])).code, 0);
    assert.ok(await exists(clusterRole));
  });

  it("upgrades", async () => {
    const { code, stderr } = await release("upgrade", namespace, "--set", "logLevel=debug");
    assert.equal(code, 0, stderr);
    const { spec } = await server.admin.request<{ spec: { template: unknown } }>({ path: deployment });
    assert.match(JSON.stringify(spec.template), /"name":"LOG_LEVEL","value":"debug"/);
  });

  it("keeps the definition when crds.enabled is switched off", async () => {
    const { code, stderr } = await release("upgrade", namespace, "--set", "crds.enabled=false");
    assert.equal(code, 0, stderr);
    assert.ok(await exists(DEFINITION));
  });

  it("keeps the definition on uninstall, and removes all else", async () => {
    assert.equal((await release("upgrade", namespace)).code, 0);
    const { code, stderr } = await runHelm(["uninstall", namespace, "--namespace", namespace, "--wait"]);
    assert.equal(code, 0, stderr);
    assert.ok(await exists(DEFINITION));
    for (const path of [deployment, clusterRole, policy]) assert.ok(!(await exists(path)), path);
  });

  it("takes the definition of a release that is gone over only when told to", async () => {
    const other = `${namespace}-b`;
    const refused = await release("install", other);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /invalid ownership metadata/);
    const taken = await release("install", other, "--take-ownership");
    assert.equal(taken.code, 0, taken.stderr);
    assert.equal((await definition()).metadata.annotations?.["meta.helm.sh/release-name"], other);
  });
});
