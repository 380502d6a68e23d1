import assert from "node:assert/strict";
import { test } from "node:test";
import { type Deployment, deploymentView } from "../../../operator/cluster/views.ts";
import { deployment, templateHash } from "../../../operator/desired/deployment.ts";
import { specMark } from "../../../operator/desired/spec-mark.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const desired = deployment(liveSink(), WORKER_DEFAULTS);

/** The progress of a Deployment of generation 2. */
function progress(reason: string, status: Partial<NonNullable<Deployment["status"]>> = {}): string | undefined {
  const conditions = [{ type: "Progressing", status: "True", reason, message: "" }];
  const metadata = { ...desired.metadata, generation: 2 };
  const given = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, conditions, ...status };
  return deploymentView({ ...desired, metadata, status: given } as Deployment).template?.progress;
}

test("a Deployment tells what it was made from", () => {
  const { template } = deploymentView(desired as Deployment);
  assert.equal(template?.hash, templateHash(desired));
  assert.deepEqual(template?.madeFrom, specMark(liveSink()));
  assert.match(template?.configMap ?? "", /^orders-kinesis-sink-\w{16}$/);
  assert.equal(template?.turn, undefined);
});

test("a Deployment without marks, or with ones that are none, tells nothing", () => {
  const annotations = { "pulsar-kinesis.io/made-from": "yesterday", "pulsar-kinesis.io/turn": "next" };
  const foreign = { metadata: { name: "x", annotations } };
  for (const object of [{ metadata: { name: "x" } }, foreign]) {
    const { template } = deploymentView(object);
    assert.deepEqual([template?.hash, template?.madeFrom, template?.turn], [undefined, undefined, undefined]);
  }
});

test("a Deployment is done when all of its pods are of its template and available, and its controller has seen it", () => {
  assert.equal(progress("NewReplicaSetAvailable"), "done");
  assert.equal(progress("NewReplicaSetAvailable", { replicas: 3 }), "moving");
  assert.equal(progress("NewReplicaSetAvailable", { observedGeneration: 1 }), "moving");
  assert.equal(progress("ReplicaSetUpdated"), "moving");
});

test("a Deployment without progress, or that somebody paused, is stuck, unless that was before its last change", () => {
  assert.equal(progress("ProgressDeadlineExceeded"), "stuck");
  assert.equal(progress("DeploymentPaused"), "stuck");
  assert.equal(progress("ProgressDeadlineExceeded", { observedGeneration: 1 }), "moving");
});
