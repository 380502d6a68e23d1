import assert from "node:assert/strict";
import { test } from "node:test";
import { type Pod, podCause, repeatedExit } from "../../../operator/cluster/pod-cause.ts";

function podWith(status: Pod["status"]): Pod {
  return { metadata: { name: "w1" }, ...(status ? { status } : {}) };
}

const waiting = (reason: string, message?: string) =>
  podWith({ containerStatuses: [{ name: "worker", state: { waiting: { reason, ...(message ? { message } : {}) } } }] });

test("a pod on its normal way has no problem", () => {
  assert.equal(podCause(podWith(undefined)), undefined);
  assert.equal(podCause(waiting("ContainerCreating")), undefined);
  assert.equal(
    podCause(podWith({ phase: "Running", containerStatuses: [{ name: "worker", state: { running: {} } }] })),
    undefined,
  );
});

test("an image that cannot be pulled is told in the kubelet's words", () => {
  const cause = podCause(waiting("ImagePullBackOff", 'Back-off pulling image "x"'));
  assert.deepEqual(cause, { reason: "ImagePullBackOff", message: 'Back-off pulling image "x"', stalls: true });
});

test("a pod that finds no node says why", () => {
  const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" };
  assert.deepEqual(podCause(podWith({ conditions: [condition] })), {
    reason: "Unschedulable",
    message: "0/3 nodes",
    stalls: false,
  });
});

test("an evicted pod may be replaced by itself", () => {
  const cause = podCause(podWith({ phase: "Failed", reason: "Evicted", message: "low on memory" }));
  assert.deepEqual(cause, { reason: "Evicted", message: "low on memory", stalls: false });
});

test("a crash loop names how the container ended, in words that stay the same while it waits", () => {
  const state = { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s restarting failed container" } };
  const lastState = { terminated: { reason: "OOMKilled", exitCode: 137 } };
  const cause = podCause(podWith({ containerStatuses: [{ name: "worker", state, lastState }] }));
  assert.equal(cause?.reason, "CrashLoopBackOff");
  assert.match(cause?.message ?? "", /OOMKilled, exit code 137/);
  assert.doesNotMatch(cause?.message ?? "", /40s/);
});

test("a crash loop quotes the container's last words", () => {
  const log = `${"an earlier line\n".repeat(100)}KinesisSink: spec.config.awsRegion: awsRegion is required\n`;
  const crashed = (message: string) =>
    podWith({
      containerStatuses: [
        {
          name: "worker",
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { reason: "Error", exitCode: 1, message } },
        },
      ],
    });
  const { message } = podCause(crashed(log)) ?? assert.fail();
  assert.match(message, /exit code 1\): ….*awsRegion is required$/s);
  assert.ok(message.length < 500);
  assert.match(podCause(crashed("\n"))?.message ?? "", /see its log/);
});

test("a container that runs between two crashes is suspect, one that was restarted once is not", () => {
  const crashed = (restartCount: number) =>
    podWith({
      containerStatuses: [
        {
          name: "worker",
          restartCount,
          state: { running: {} },
          lastState: { terminated: { reason: "Error", exitCode: 1 } },
        },
      ],
    });
  assert.equal(repeatedExit(crashed(1)), undefined);
  assert.equal(repeatedExit(crashed(2))?.reason, "CrashLoopBackOff");
});
