import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanupJob, type JobObject } from "../../../operator/cleanup/job.ts";
import { failureOf, jobOutcome } from "../../../operator/cleanup/outcome.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

function jobWith(...conditions: { type: string; status: string; reason?: string; message?: string }[]): JobObject {
  return { ...cleanupJob(liveSink(), WORKER_DEFAULTS), status: { conditions } };
}

const FAILED = jobWith({
  type: "Failed",
  status: "True",
  reason: "DeadlineExceeded",
  message: "Job was active too long",
});
const pod = (...states: object[]) => ({
  metadata: { name: "p" },
  status: { containerStatuses: states.map((state) => ({ state })) },
});

test("a Job is done or has failed once a condition says so", () => {
  assert.equal(jobOutcome(jobWith()), "running");
  assert.equal(jobOutcome(jobWith({ type: "FailureTarget", status: "True" })), "running");
  assert.equal(jobOutcome(jobWith({ type: "Complete", status: "True" })), "done");
  assert.equal(jobOutcome(jobWith({ type: "Complete", status: "False" })), "running");
  assert.equal(jobOutcome(FAILED), "failed");
});

test("the last words of the last pod are the cause", () => {
  const words = (message: string) => pod({ terminated: { exitCode: 1, reason: "Error", message } });
  assert.equal(failureOf(FAILED, [words("first\n"), words("  the broker refuses\n")]), "the broker refuses");
  assert.ok(failureOf(FAILED, [words("x".repeat(2_000))]).length <= 400);
  assert.equal(failureOf(FAILED, [pod({ terminated: { exitCode: 137, reason: "OOMKilled" } })]), "OOMKilled");
});

test("a pod that did not come so far says what it waits for", () => {
  const waiting = { waiting: { reason: "ImagePullBackOff", message: "no such image" } };
  assert.equal(failureOf(FAILED, [pod(waiting)]), "ImagePullBackOff: no such image");
  const conditions = [{ type: "PodScheduled", status: "False", message: "0/3 nodes are available" }];
  assert.equal(failureOf(FAILED, [{ metadata: { name: "p" }, status: { conditions } }]), "0/3 nodes are available");
});

test("without a pod the Job's own words are left, and where to look", () => {
  assert.match(failureOf(FAILED, []), /^Job was active too long; see kubectl describe job orders-kinesis-sink-/);
});
