import assert from "node:assert/strict";
import { test } from "node:test";
import { children } from "../../../operator/desired/children.ts";
import type { OwnerReference } from "../../../operator/kube/objects.ts";
import { type ClaimContext, claimChildren } from "../../../operator/reconcile/claim-children.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import type { KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { silentLog } from "../../silent-log.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const sink = liveSink();
const OWNER: OwnerReference = {
  apiVersion: "pulsar-kinesis.io/v1alpha1",
  kind: "KinesisSink",
  name: sink.metadata.name,
  uid: sink.metadata.uid,
  controller: true,
};

/** The watches have brought nothing; the API server has a ConfigMap of the child's name, with this owner. */
function situation(owner: OwnerReference | undefined): ClaimContext {
  const client: KubeClient = {
    request: async <T>({ path }: { path: string }) => {
      if (!path.includes("/configmaps/")) throw new ApiError("GET", 404, { reason: "NotFound" });
      return { metadata: { name: "x", uid: "uid-x", ...(owner ? { ownerReferences: [owner] } : {}) } } as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const cluster = {
    sink: () => sink,
    child: () => undefined,
    replicaSets: () => [],
    pods: () => [],
    configMaps: () => [],
  };
  const signal = new AbortController().signal;
  const memory = freshMemory(sink.metadata.uid);
  return {
    sink,
    client,
    cluster,
    signal,
    memory,
    logger: silentLog,
    owned: new Map(),
    children: children(sink, WORKER_DEFAULTS),
  };
}

const causeOf = async (owner: OwnerReference | undefined) => {
  const cause = await claimChildren(situation(owner));
  return cause && `${cause.reason} ${cause.stalls ? "stalls" : "passes"}`;
};

test("an object of this very sink is its own, before the watch brings it too", async () => {
  const context = situation(OWNER);
  assert.equal(await claimChildren(context), undefined);
  assert.deepEqual([...context.owned], [["ConfigMap", "uid-x"]]);
});

test("what belongs to nobody or to another owner stalls", async () => {
  assert.equal(await causeOf(undefined), "NameConflict stalls");
  assert.equal(await causeOf({ ...OWNER, kind: "Deployment", uid: "other" }), "NameConflict stalls");
  assert.equal(await causeOf({ ...OWNER, name: "another-sink", uid: "other" }), "NameConflict stalls");
  assert.equal(await causeOf({ ...OWNER, apiVersion: "example.com/v1", uid: "other" }), "NameConflict stalls");
});

test("what a former sink of this name has left goes by itself, so nobody is called", async () => {
  assert.equal(await causeOf({ ...OWNER, uid: "former" }), "PredecessorRemains passes");
});
