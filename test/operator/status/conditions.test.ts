import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Condition, WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import type { ConditionType, WorkerState } from "../../../crds/status-values.ts";
import { effectiveReplicas } from "../../../operator/desired/replicas.ts";
import type { Cause, Observed, ObservedPod } from "../../../operator/status/observed.ts";
import { coarse } from "../../../operator/status/stale.ts";
import { computeStatus } from "../../../operator/status/status.ts";
import { statusErrors } from "../../crds/status-errors.ts";
import { liveSink } from "../sink-fixture.ts";
import { kstatus } from "./kstatus.ts";

const NOW = "2026-01-01T00:00:00Z";

function pod(name: string, more: Partial<ObservedPod> = {}): ObservedPod {
  return {
    name,
    current: true,
    ready: true,
    terminating: false,
    ended: false,
    cause: undefined,
    suspectedCause: undefined,
    ...more,
  };
}

function report(name: string, more: Partial<WorkerStatus> = {}): WorkerStatus {
  return { pod: name, state: "Running", source: { connected: true }, stream: { writable: true }, ...more };
}

function stalledReport(name: string, reason: string): WorkerStatus {
  return report(name, { state: "Stalled", reason, message: `cause of ${reason}` });
}

function observed(more: Partial<Observed> & { spec?: Record<string, unknown> } = {}): Observed {
  const { spec, ...rest } = more;
  const sink = liveSink(spec);
  return {
    sink,
    refused: undefined,
    deployment: { generation: 1, observedGeneration: 1, replicas: effectiveReplicas(sink), conditions: [] },
    pods: [pod("w1")],
    workers: [report("w1")],
    stale: [],
    ignoredProperties: [],
    ...rest,
  };
}

const imagePull: Cause = { reason: "ImagePullBackOff", message: "no such image", stalls: true };

/** `Type=Status/Reason` of every condition, without the three that workers report of unless asked for. */
function conditions(of: Observed, all = false): string[] {
  const reported: readonly ConditionType[] = ["SourceConnected", "StreamWritable", "Throttled"];
  return computeStatus(of, [], NOW)
    .conditions.filter(({ type }) => all || !reported.includes(type))
    .map(({ type, status, reason }) => `${type}=${status}/${reason}`);
}

function message(of: Observed, type: ConditionType): string {
  return computeStatus(of, [], NOW).conditions.find((condition) => condition.type === type)?.message ?? "";
}

describe("Ready means that data can flow now", () => {
  test("all is well", () => {
    assert.deepEqual(conditions(observed(), true), [
      "Ready=True/WorkersReady",
      "SourceConnected=True/Connected",
      "StreamWritable=True/Writable",
      "Throttled=False/NotThrottled",
    ]);
  });

  test("nothing has started yet", () => {
    assert.deepEqual(conditions(observed({ pods: [], workers: [], deployment: undefined }), true), [
      "Ready=False/WorkersStarting",
      "Reconciling=True/Applying",
      "SourceConnected=Unknown/NoReport",
      "StreamWritable=Unknown/NoReport",
      "Throttled=Unknown/NoReport",
    ]);
  });

  test("the pods are starting", () => {
    const starting = observed({ pods: [pod("w1", { ready: false })], workers: [] });
    assert.deepEqual(conditions(starting), ["Ready=False/WorkersStarting", "Reconciling=True/WorkersStarting"]);
  });

  test("what the operator was refused goes before everything", () => {
    const refused: Cause = { reason: "NameConflict", message: "ConfigMap x exists", stalls: true };
    assert.deepEqual(conditions(observed({ refused })), ["Ready=False/NameConflict", "Stalled=True/NameConflict"]);
  });

  test("what could not be written is told, and does not stop what runs", () => {
    const failed: Cause = { reason: "ApplyFailed", message: "a webhook cannot be called", stalls: false };
    assert.deepEqual(conditions(observed({ failed })), ["Ready=True/WorkersReady", "Reconciling=True/ApplyFailed"]);
    const none = observed({ failed, pods: [], workers: [] });
    assert.deepEqual(conditions(none), ["Ready=False/ApplyFailed", "Reconciling=True/ApplyFailed"]);
    const paused = observed({ failed, spec: { paused: true }, pods: [], workers: [] });
    assert.deepEqual(conditions(paused), ["Paused=True/Paused", "Reconciling=True/ApplyFailed"]);
  });

  test("one of two workers is enough, and the other's trouble is told", () => {
    const half = observed({
      spec: { replicas: 2 },
      pods: [pod("w1"), pod("w2", { ready: false })],
      workers: [report("w1"), report("w2", { state: "Waiting", reason: "BrokerUnreachable", message: "no broker" })],
    });
    assert.deepEqual(conditions(half), ["Ready=True/WorkersReady", "Reconciling=True/BrokerUnreachable"]);
    assert.equal(message(half, "Ready"), "1 of 2 workers are ready; w2: no broker");
  });
});

describe("a cause is named", () => {
  for (const reason of ["StreamNotFound", "AccessDenied", "InvalidCredentials", "SecretMissing", "SecretKeyMissing"]) {
    test(`${reason}, which a worker reports and somebody must mend`, () => {
      const of = observed({ pods: [pod("w1", { ready: false })], workers: [stalledReport("w1", reason)] });
      assert.deepEqual(conditions(of), [`Ready=False/${reason}`, `Stalled=True/${reason}`]);
      assert.equal(message(of, "Ready"), `w1: cause of ${reason}`);
    });
  }

  test("BrokerUnreachable, which may pass: not Stalled, until the rollout's deadline passes", () => {
    const waiting = report("w1", {
      state: "Waiting",
      reason: "BrokerUnreachable",
      message: "no broker",
      source: { connected: false, reason: "BrokerUnreachable", message: "no broker" },
    });
    const of = observed({ pods: [pod("w1", { ready: false })], workers: [waiting] });
    assert.deepEqual(conditions(of, true), [
      "Ready=False/BrokerUnreachable",
      "Reconciling=True/BrokerUnreachable",
      "SourceConnected=False/BrokerUnreachable",
      "StreamWritable=True/Writable",
      "Throttled=False/NotThrottled",
    ]);
    const late = {
      generation: 1,
      observedGeneration: 1,
      replicas: 1,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "timed out" }],
    };
    assert.deepEqual(conditions({ ...of, deployment: late }), [
      "Ready=False/BrokerUnreachable",
      "Stalled=True/BrokerUnreachable",
    ]);
  });

  test("the deadline alone, when nobody knows why", () => {
    const deployment = {
      generation: 1,
      observedGeneration: 1,
      replicas: 1,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "timed out" }],
    };
    assert.deepEqual(conditions(observed({ deployment, pods: [pod("w1", { ready: false })], workers: [] })), [
      "Ready=False/ProgressDeadlineExceeded",
      "Stalled=True/ProgressDeadlineExceeded",
    ]);
  });

  const failures: readonly (readonly [message: string, reason: string])[] = [
    ['pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true', "PodSecurityViolation"],
    ['pods "x" is forbidden: exceeded quota: small', "QuotaExceeded"],
    ["admission webhook denied the request", "FailedCreate"],
  ];
  for (const [text, reason] of failures) {
    test(`${reason}, from the Deployment's ReplicaFailure`, () => {
      const failure = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: text };
      const deployment = { generation: 1, observedGeneration: 1, replicas: 1, conditions: [failure] };
      const of = observed({ deployment, pods: [], workers: [] });
      assert.deepEqual(conditions(of), [`Ready=False/${reason}`, `Stalled=True/${reason}`]);
      assert.match(message(of, "Ready"), new RegExp(text.slice(0, 10)));
    });
  }

  test("a container that does not run knows better than its last report", () => {
    const of = observed({
      pods: [pod("w1", { ready: false, cause: imagePull })],
      workers: [report("w1", { state: "Waiting", reason: "BrokerUnreachable" })],
    });
    assert.deepEqual(conditions(of), ["Ready=False/ImagePullBackOff", "Stalled=True/ImagePullBackOff"]);
  });

  test("a report knows better than an event or an earlier crash", () => {
    const suspectedCause: Cause = { reason: "FailedMount", message: "old", stalls: false };
    const pods = [pod("w1", { ready: false, suspectedCause })];
    const reported = observed({ pods, workers: [stalledReport("w1", "SecretMissing")] });
    assert.equal(conditions(reported)[0], "Ready=False/SecretMissing");
    assert.equal(conditions(observed({ pods, workers: [] }))[0], "Ready=False/FailedMount");
  });
});

describe("a change of the spec", () => {
  const rolling = (fresh: Partial<ObservedPod>) =>
    observed({
      pods: [pod("old", { current: false }), pod("new", { ready: false, ...fresh })],
      workers: [report("old")],
    });

  test("rolls while the old pods deliver", () => {
    assert.deepEqual(conditions(rolling({})), ["Ready=True/WorkersReady", "Reconciling=True/RollingUpdate"]);
  });

  test("is Stalled and not Ready when the new pods cannot start, although the old ones deliver", () => {
    assert.deepEqual(conditions(rolling({ cause: imagePull })), [
      "Ready=False/ImagePullBackOff",
      "Stalled=True/ImagePullBackOff",
    ]);
  });

  test("is on its way, whatever stopped the one before", () => {
    const told = [
      { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "timed out" },
      { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" },
    ];
    const deployment = { generation: 2, observedGeneration: 1, replicas: 1, conditions: told };
    const pods = [pod("old", { current: false, ready: false })];
    const of = observed({ deployment, pods, workers: [stalledReport("old", "StreamNotFound")] });
    assert.deepEqual(conditions(of), ["Ready=False/WorkersStarting", "Reconciling=True/Applying"]);
  });

  test("is over when the old pods are terminating", () => {
    const of = observed({
      pods: [pod("old", { current: false, terminating: true }), pod("new")],
      workers: [report("old", { ratePerSecond: 5 }), report("new", { ratePerSecond: 7 })],
    });
    assert.deepEqual(conditions(of), ["Ready=True/WorkersReady"]);
    const { replicas, totals } = computeStatus(of, [], NOW);
    assert.deepEqual([replicas, totals.ratePerSecond], [1, 7]);
  });
});

describe("a sink that is not to run", () => {
  const stopped = (spec: Record<string, unknown>, more: Partial<Observed> = {}) =>
    observed({ spec, pods: [], workers: [], ...more });
  const read = (of: Observed) => kstatus(of.sink.metadata.generation, computeStatus(of, [], NOW));

  test("is Paused once its pods are gone: what was wished is reached, so it is neither Ready nor failing to be", () => {
    const of = stopped({ paused: true });
    assert.deepEqual(conditions(of, true), [
      "Paused=True/Paused",
      "SourceConnected=Unknown/NoWorkers",
      "StreamWritable=Unknown/NoWorkers",
      "Throttled=Unknown/NoWorkers",
    ]);
    assert.equal(read(of), "Current");
    assert.match(message(of, "Paused"), /messages wait in Pulsar/);
  });

  test("is Paused with no replicas, and says that it is that", () => {
    assert.deepEqual(conditions(stopped({ replicas: 0 })), ["Paused=True/ScaledToZero"]);
    assert.equal(read(stopped({ replicas: 0 })), "Current");
    assert.deepEqual(conditions(stopped({ replicas: 0, paused: true })), ["Paused=True/Paused"]);
  });

  test("is on its way until the last pod is gone, also one that is terminating", () => {
    for (const last of [pod("w1"), pod("w1", { terminating: true, ready: false }), pod("w1", { current: false })]) {
      const of = observed({ spec: { paused: true }, pods: [last] });
      assert.deepEqual(conditions(of), ["Ready=False/Paused", "Reconciling=True/ScalingDown"]);
      assert.equal(read(of), "InProgress");
    }
    const evicted = pod("w1", { terminating: true, ended: true, ready: false });
    assert.deepEqual(conditions(stopped({ paused: true }, { pods: [evicted] })), ["Paused=True/Paused"]);
  });

  test("is on its way while its Deployment is not known to be scaled to zero", () => {
    const asked = { generation: 2, observedGeneration: 1, replicas: 0, conditions: [] };
    const still = { generation: 1, observedGeneration: 1, replicas: 3, conditions: [] };
    for (const deployment of [asked, undefined]) {
      const of = stopped({ paused: true }, { deployment });
      assert.deepEqual(conditions(of), ["Ready=False/Paused", "Reconciling=True/Applying"]);
      assert.equal(read(of), "InProgress");
    }
    const failed: Cause = { reason: "ApplyFailed", message: "no", stalls: false };
    const unscaled = stopped({ paused: true }, { deployment: still, failed });
    assert.deepEqual(conditions(unscaled), ["Ready=False/Paused", "Reconciling=True/ApplyFailed"]);
  });

  test("is Paused also where its spec is refused, which stays somebody's to mend", () => {
    const refused: Cause = { reason: "InvalidSpec", message: "spec.x is wrong", stalls: true };
    const of = stopped({ paused: true }, { refused });
    assert.deepEqual(conditions(of), ["Ready=False/InvalidSpec", "Paused=True/Paused", "Stalled=True/InvalidSpec"]);
    assert.equal(read(of), "Failed");
    const never = stopped({ paused: true }, { refused, deployment: undefined });
    assert.deepEqual(conditions(never), conditions(of));
  });
});

describe("what tools that know kstatus alone read", () => {
  const read = (of: Observed) => kstatus(of.sink.metadata.generation, computeStatus(of, [], NOW));
  const unready = [pod("w1", { ready: false })];

  test("Current when it delivers, InProgress on the way, Failed when somebody must act", () => {
    assert.equal(read(observed()), "Current");
    assert.equal(read(observed({ pods: [], workers: [], deployment: undefined })), "InProgress");
    assert.equal(read(observed({ pods: unready, workers: [] })), "InProgress");
    assert.equal(read(observed({ pods: unready, workers: [stalledReport("w1", "StreamNotFound")] })), "Failed");
    assert.equal(read(observed({ refused: { reason: "InvalidSpec", message: "no", stalls: true } })), "Failed");
  });

  test("InProgress for a generation that the operator has not seen", () => {
    const of = observed();
    assert.equal(kstatus(of.sink.metadata.generation + 1, computeStatus(of, [], NOW)), "InProgress");
  });
});

describe("what workers report", () => {
  test("poison stalls, and names message and reason, while other partitions flow", () => {
    const poison = { count: 1, topic: "orders-partition-3", messageId: "7:12:3", reason: "RecordTooLarge" };
    const of = observed({ workers: [report("w1", { state: "Stalled", reason: "PoisonMessage", poison })] });
    assert.deepEqual(conditions(of), ["Ready=True/WorkersReady", "Stalled=True/PoisonMessage"]);
    assert.match(message(of, "Stalled"), /7:12:3 of orders-partition-3: RecordTooLarge/);
  });

  test("what an old worker complains of is no matter of the change that is to mend it", () => {
    const pods = [pod("old", { current: false }), pod("new", { ready: false })];
    const of = observed({ pods, workers: [stalledReport("old", "PoisonMessage"), report("new")] });
    assert.deepEqual(conditions(of), ["Ready=True/WorkersReady", "Reconciling=True/RollingUpdate"]);
  });

  test("a worker that has only started says nothing of Pulsar and Kinesis yet", () => {
    const pods = [pod("w1", { ready: false })];
    const starting = report("w1", { state: "Starting", source: { connected: false }, stream: { writable: false } });
    assert.deepEqual(conditions(observed({ pods, workers: [starting] }), true), [
      "Ready=False/WorkersStarting",
      "Reconciling=True/WorkersStarting",
      "SourceConnected=Unknown/NotTried",
      "StreamWritable=Unknown/NotTried",
      "Throttled=False/NotThrottled",
    ]);
  });

  test("Throttled names the shard that is worst off", () => {
    const of = observed({
      spec: { replicas: 2 },
      pods: [pod("w1"), pod("w2")],
      workers: [
        report("w1", { throttled: { shard: "shardId-000000000001", percent: 3 } }),
        report("w2", { throttled: { shard: "shardId-000000000002", percent: 40 } }),
      ],
    });
    assert.match(message(of, "Throttled"), /2 of 2 workers are throttled, most on shardId-000000000002, 40 %/);
  });

  test("totals are sums; the backlog of an unordered sink is what all its workers see", () => {
    const two = (retainOrdering: boolean) =>
      computeStatus(
        observed({
          spec: { replicas: 2, config: { awsKinesisStreamName: "s", awsRegion: "us-west-2", retainOrdering } },
          pods: [pod("w1"), pod("w2")],
          workers: [
            report("w1", { ratePerSecond: 10, delivered: 5, backlog: 100, lagSeconds: 3 }),
            report("w2", { ratePerSecond: 20, delivered: 6, backlog: 90, lagSeconds: 8 }),
          ],
        }),
        [],
        NOW,
      ).totals;
    assert.partialDeepStrictEqual(two(true), { ratePerSecond: 30, delivered: 11, backlog: 190, lagSeconds: 8 });
    assert.partialDeepStrictEqual(two(false), { ratePerSecond: 30, backlog: 100 });
    assert.equal(computeStatus(observed(), [], NOW).totals.backlog, undefined);
  });

  test("one worker's absurd number leaves totals that the definition takes", () => {
    const backlog = 2 ** 63;
    const of = observed({
      pods: [pod("w1"), pod("w2")],
      workers: [report("w1", { backlog, delivered: -1 }), report("w2")],
    });
    const status = computeStatus(of, [], NOW);
    assert.deepEqual(statusErrors(status), []);
    assert.deepEqual([status.totals.backlog, status.totals.delivered], [Number.MAX_SAFE_INTEGER, 0]);
  });

  test("a state and a condition of a newer version are nobody's failure", () => {
    const newer = { ...report("w1"), state: "Hibernating" as WorkerState };
    assert.deepEqual(conditions(observed({ workers: [newer] })), ["Ready=True/WorkersReady"]);
  });

  test("reports of terminating pods count no more", () => {
    const of = observed({ pods: [pod("w1", { terminating: true })], workers: [report("w1", { ratePerSecond: 10 })] });
    assert.equal(computeStatus(of, [], NOW).totals.ratePerSecond, 0);
  });
});

describe("the form of a condition", () => {
  test("its time is that of the last change of status, not of reason or message", () => {
    const earlier = "2025-12-31T00:00:00Z";
    const before: Condition[] = [
      { type: "Ready", status: "False", reason: "WorkersStarting", message: "", lastTransitionTime: earlier },
      { type: "SourceConnected", status: "False", reason: "x", message: "", lastTransitionTime: earlier },
    ];
    const of = observed({ pods: [pod("w1", { ready: false, cause: imagePull })] });
    const after = computeStatus(of, before, NOW).conditions;
    const times = Object.fromEntries(after.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]));
    assert.partialDeepStrictEqual(times, { Ready: earlier, SourceConnected: NOW, Stalled: NOW });
    assert.ok(after.every(({ observedGeneration }) => observedGeneration === 3));
  });

  test("a reason or message that the definition would refuse is made to fit", () => {
    const cause: Cause = { reason: "no word!", message: "x".repeat(9000), stalls: true };
    const [ready] = computeStatus(observed({ pods: [pod("w1", { ready: false, cause })] }), [], NOW).conditions;
    assert.equal(ready?.reason, "Other");
    assert.ok((ready?.message.length ?? 0) <= 1024);
  });
});

describe("a report that is stale says nothing of now", () => {
  const ageMs = 200_000;
  const two = {
    spec: { replicas: 2 },
    pods: [pod("w1"), pod("w2")],
    workers: [report("w1", { ratePerSecond: 5, backlog: 7 }), report("w2", { ratePerSecond: 3, backlog: 2 })],
  };

  test("its numbers count no longer, and Ready names the pod and the age", () => {
    const of = observed({ ...two, stale: [{ pod: "w2", ageMs }] });
    const { ratePerSecond, backlog } = computeStatus(of, [], NOW).totals;
    assert.deepEqual([ratePerSecond, backlog], [5, 7]);
    assert.deepEqual(conditions(of, true), conditions(observed(two), true), "the pod is ready all the same");
    assert.match(message(of, "Ready"), /^2 of 2 workers are ready; w2 has not reported for 3 min: see its log/);
    assert.match(message(of, "SourceConnected"), /^1 of 1 workers/);
  });

  test("with no other one, what workers alone can tell is unknown", () => {
    const of = observed({ stale: [{ pod: "w1", ageMs }] });
    assert.deepEqual(conditions(of, true).slice(1), [
      "SourceConnected=Unknown/ReportStale",
      "StreamWritable=Unknown/ReportStale",
      "Throttled=Unknown/ReportStale",
    ]);
  });

  test("of a pod that is not ready it is the cause, unless Kubernetes knows one, with what was said last", () => {
    const workers = [stalledReport("w1", "AccessDenied")];
    const stale = [{ pod: "w1", ageMs }];
    const of = observed({ pods: [pod("w1", { ready: false })], workers, stale });
    assert.equal(conditions(of)[0], "Ready=False/ReportStale");
    assert.match(message(of, "Ready"), /its last words were: cause of AccessDenied$/);
    const pulling = observed({ pods: [pod("w1", { ready: false, cause: imagePull })], workers, stale });
    assert.equal(conditions(pulling)[0], "Ready=False/ImagePullBackOff");
  });

  test("its age is told in steps, as each new word is a write", () => {
    const told = [30_000, 59_999, 60_000, 599_999, 600_000, 3_599_999, 3_600_000, 86_400_000, 200_000_000].map(coarse);
    assert.deepEqual(told, ["30 s", "50 s", "1 min", "9 min", "10 min", "50 min", "1 h", "24 h", "2 days"]);
  });
});
