import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { handoverLeasePath } from "../../crds/handover-lease.ts";
import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { isReady } from "./kube.ts";
import { applyStatus, mergePatch, type PodAnswer, type PodRequest, requestsFromPod, sinkPath } from "./pod-request.ts";
import { createScenario, type Scenario, SECRET } from "./scenario.ts";
import { operatorInstalled, theStage } from "./setup.ts";
import { OPERATOR_NAMESPACE, RELEASE } from "./stage.ts";

/** Whose token it is, and what it is tried on. */
interface Place {
  readonly namespace: string;
  readonly name: string;
  readonly me: string;
  readonly other: string;
}

interface Attempt {
  readonly what: string;
  readonly request: (place: Place) => PodRequest;
  /** Why it is refused. */
  readonly why: RegExp;
}

const NEIGHBOUR = "neighbour";
/** Nothing real has this value. */
const FORGED = 123_456_789;
const OWN_ENTRY = /a worker may change only its own entry of status\.workers/;
const BY_APPLY = /by server-side apply of its own entry alone/;

const entry = (pod: string) => ({ pod, state: "Running", delivered: FORGED });
const core = ({ namespace }: Place, path: string) => `/api/v1/namespaces/${namespace}/${path}`;

const condition = {
  type: "Ready",
  status: "True",
  reason: "Forged",
  message: "all is well",
  lastTransitionTime: "2026-01-01T00:00:00Z",
  observedGeneration: FORGED,
};

/** The admission policy of the chart refuses these. */
const forgeries: readonly Attempt[] = [
  { what: "another pod's entry", request: (p) => applyStatus(p, p.me, { workers: [entry(p.other)] }), why: OWN_ENTRY },
  {
    what: "another pod's entry in that pod's name",
    request: (p) => applyStatus(p, p.other, { workers: [entry(p.other)] }),
    why: OWN_ENTRY,
  },
  {
    what: "another pod's entry beside its own",
    request: (p) => applyStatus(p, p.me, { workers: [entry(p.me), entry(p.other)] }),
    why: OWN_ENTRY,
  },
  {
    what: "an entry of a pod that does not exist",
    request: (p) => applyStatus(p, p.me, { workers: [entry(`${p.name}-kinesis-sink-x`)] }),
    why: OWN_ENTRY,
  },
  {
    what: "all entries at once",
    request: (p) => mergePatch(`${sinkPath(p)}/status`, { status: { workers: [entry(p.me)] } }),
    why: OWN_ENTRY,
  },
  {
    what: "the removal of another pod's entry, by leaving it out in that pod's name",
    request: (p) => applyStatus(p, p.other, { workers: [entry(p.me)] }),
    why: OWN_ENTRY,
  },
  {
    what: "its own entry in a name that is not its own",
    request: (p) => applyStatus(p, "kubectl", { workers: [entry(p.me)] }),
    why: BY_APPLY,
  },
  { what: "the conditions", request: (p) => applyStatus(p, p.me, { conditions: [condition] }), why: OWN_ENTRY },
  { what: "the totals", request: (p) => applyStatus(p, p.me, { totals: { delivered: FORGED } }), why: OWN_ENTRY },
];

/** The permissions of the worker's account do not cover these. */
const trespasses: readonly Attempt[] = [
  {
    what: "the spec",
    request: (p) => mergePatch(sinkPath(p), { spec: { replicas: 9 } }),
    why: /cannot patch resource "kinesissinks"/,
  },
  {
    what: "the scale",
    request: (p) => mergePatch(`${sinkPath(p)}/scale`, { spec: { replicas: 9 } }),
    why: /cannot patch resource "kinesissinks\/scale"/,
  },
  {
    what: "reading the sink",
    request: (p) => ({ method: "GET", path: sinkPath(p) }),
    why: /cannot get resource "kinesissinks"/,
  },
  {
    what: "another sink's status",
    request: (p) => applyStatus({ ...p, name: NEIGHBOUR }, p.me, { workers: [entry(p.me)] }),
    why: /"neighbour" is forbidden: .* cannot patch resource "kinesissinks\/status"/,
  },
  {
    what: "reading the Secret that is mounted",
    request: (p) => ({ method: "GET", path: core(p, `secrets/${SECRET}`) }),
    why: /cannot get resource "secrets"/,
  },
  {
    what: "listing Secrets",
    request: (p) => ({ method: "GET", path: core(p, "secrets") }),
    why: /cannot list resource "secrets"/,
  },
  {
    what: "the Lease of another sink",
    request: (p) => mergePatch(handoverLeasePath({ ...p, name: NEIGHBOUR }), { metadata: { annotations: {} } }),
    why: /cannot patch resource "leases"/,
  },
  {
    what: "listing pods",
    request: (p) => ({ method: "GET", path: core(p, "pods") }),
    why: /cannot list resource "pods"/,
  },
  {
    what: "deleting another pod",
    request: (p) => ({ method: "DELETE", path: core(p, `pods/${p.other}`) }),
    why: /cannot delete resource "pods"/,
  },
  {
    what: "asking for another token",
    request: (p) => ({
      method: "POST",
      path: core(p, `serviceaccounts/${p.name}-kinesis-sink/token`),
      contentType: "application/json",
      body: { spec: {} },
    }),
    why: /cannot create resource "serviceaccounts\/token"/,
  },
];

describe("the token of a worker's pod", () => {
  const attempts = [...forgeries, ...trespasses];
  const answers = new Map<Attempt, PodAnswer>();
  let scenario: Scenario;
  let place: Place;
  let initial: KinesisSink;

  before(async () => {
    await operatorInstalled();
    scenario = await createScenario(theStage(), { name: "guarded", ordered: false, partitions: 2, shards: 1 });
    const { namespace, name } = scenario;
    const { kube } = theStage();
    const paused = { ...scenario.manifest({ rest: { paused: true } }), metadata: { name: NEIGHBOUR, namespace } };
    await kube.apply(scenario.manifest({ rest: { replicas: 2 } }), paused);
    initial = await kube.untilSink(
      namespace,
      name,
      "Ready with two reports",
      (sink) => isReady(sink) && sink.status.readyReplicas === 2 && sink.status.workers?.length === 2,
    );
    const [me = "", other = ""] = (initial.status.workers ?? []).map(({ pod }) => pod);
    place = { namespace, name, me, other };
    const requests = attempts.map(({ request }) => request(place));
    for (const [index, answer] of (await requestsFromPod(kube, { namespace, name: me }, requests)).entries()) {
      const attempt = attempts[index];
      if (attempt !== undefined) answers.set(attempt, answer);
    }
  });
  after(() => scenario.remove());

  for (const attempt of attempts) {
    test(`is refused for ${attempt.what}`, () => {
      const { status, message } = answers.get(attempt) ?? assert.fail("there is no answer");
      assert.equal(status, 403, `it was answered ${status} ${message}`);
      assert.match(message, attempt.why);
    });
  }

  test("has changed nothing by that", async () => {
    const present = (await theStage().kube.sink(place.namespace, place.name)) ?? assert.fail("the sink is gone");
    assert.deepEqual(present.spec, initial.spec);
    assert.ok(!JSON.stringify(present.status).includes(String(FORGED)), JSON.stringify(present.status));
    const pods = await theStage().kube.list<{ metadata: { name: string } }>(place.namespace, "pods");
    assert.ok(pods.some(({ metadata }) => metadata.name === place.other));
  });

  test("is accepted for the pod's own entry", async () => {
    const request = applyStatus(place, place.me, { workers: [entry(place.me)] });
    const pod = { namespace: place.namespace, name: place.me };
    const [answer] = await requestsFromPod(theStage().kube, pod, [request]);
    assert.equal(answer?.status, 200, answer?.message);
  });
});

describe("the operator's account", { concurrency: 3 }, () => {
  before(() => operatorInstalled());

  const account = `system:serviceaccount:${OPERATOR_NAMESPACE}:${RELEASE}`;
  const allowed = async (verb: string, group: string, resource: string, subresource = ""): Promise<boolean> => {
    const resourceAttributes = { verb, group, resource, subresource, namespace: "default" };
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { user: account, groups: ["system:serviceaccounts", "system:authenticated"], resourceAttributes },
    };
    const answer = await theStage().kube.kubectl(["create", "-o", "json", "-f", "-"], JSON.stringify(review));
    return (JSON.parse(answer) as { status: { allowed: boolean } }).status.allowed;
  };

  test("is the one that the operator runs under", async () => {
    const { kube } = theStage();
    const operators = "app.kubernetes.io/component!=test";
    const pods = await kube.list<{ spec: { serviceAccountName: string } }>(OPERATOR_NAMESPACE, "pods", operators);
    assert.deepEqual([...new Set(pods.map(({ spec }) => spec.serviceAccountName))], [RELEASE]);
    assert.equal(await allowed("list", "pulsar-kinesis.io", "kinesissinks"), true);
  });

  for (const verb of ["get", "list", "watch", "create", "update", "patch", "delete"]) {
    test(`may not ${verb} Secrets`, async () => assert.equal(await allowed(verb, "", "secrets"), false));
  }

  for (const [verb, resource, subresource] of [
    ["create", "pods", "exec"],
    ["get", "pods", "exec"],
    ["create", "pods", ""],
    ["create", "serviceaccounts", "token"],
  ] as const) {
    test(`may not ${verb} ${[resource, subresource].filter(Boolean).join("/")}`, async () =>
      assert.equal(await allowed(verb, "", resource, subresource), false));
  }

  test("is refused the credentials of a sink", async () => {
    const read = theStage().kube.kubectl(["get", "secrets", "--all-namespaces", `--as=${account}`]);
    await assert.rejects(read, /cannot list resource "secrets"/);
  });
});
