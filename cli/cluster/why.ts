import type { Condition, KinesisSink, WorkerStatus } from "../../crds/kinesissink.generated.ts";
import {
  operatorReasons,
  poisonReasons,
  type Reason,
  sourceReasons,
  streamReasons,
  workerReasons,
} from "../../crds/reasons.ts";
import type { PodView } from "./pods.ts";
import { condition, sinkState } from "./status.ts";
import { table } from "./table.ts";

/** Everything about one sink on a page: how it does, why, what its pods say, and what to do. Pure. */
export function whyPage(sink: KinesisSink, pods: readonly PodView[], now: number): string[] {
  const { workers = [], ignoredProperties = [] } = sink.status ?? {};
  return [
    ...headline(sink, now),
    ...section("Conditions", conditionLines(sink.status?.conditions ?? [], now)),
    ...section("Pods", podLines(pods, workers)),
    ...section("Messages that cannot be delivered", workers.flatMap(poisonLine)),
    ...section("What to do", remedies(sink, workers)),
    ...section("Fields without effect", ignoredProperties),
  ];
}

function headline(sink: KinesisSink, now: number): string[] {
  const { metadata, spec, status } = sink;
  const state = sinkState(sink);
  const cause = condition(sink, "Ready") ?? condition(sink, "Paused");
  const since = cause === undefined ? "" : ` for ${age(cause.lastTransitionTime, now)}`;
  const words = {
    Ready: "is ready",
    NotReady: "is not ready",
    Paused: "is stopped, as asked",
    Unknown: "is not known",
  };
  const { ratePerSecond = 0, backlog, lagSeconds = 0 } = status?.totals ?? {};
  const numbers = `${ratePerSecond} messages per second to ${spec.config.awsKinesisStreamName}, ${lagSeconds} s behind${backlog === undefined ? "" : `, ${backlog} entries wait`}`;
  const unseen =
    state === "Unknown"
      ? ["The operator has not looked at this generation yet: see whether it runs and watches the namespace."]
      : [];
  return [`${metadata.namespace}/${metadata.name} ${words[state]}${since}: ${numbers}`, ...unseen];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function conditionLines(conditions: readonly Condition[], now: number): string[] {
  if (conditions.length === 0) return [];
  const rows = conditions.map((one) => [
    one.type,
    one.status,
    one.reason,
    age(one.lastTransitionTime, now),
    one.message,
  ]);
  return table([["TYPE", "STATUS", "REASON", "FOR", "MESSAGE"], ...rows]);
}

function podLines(pods: readonly PodView[], workers: readonly WorkerStatus[]): string[] {
  const names = [...new Set([...pods.map(({ name }) => name), ...workers.map(({ pod }) => pod)])].toSorted();
  return names.flatMap((name) => {
    const pod = pods.find((one) => one.name === name);
    const worker = workers.find((one) => one.pod === name);
    const phase = pod === undefined ? "gone" : `${pod.phase}, ${pod.ready ? "ready" : "not ready"}`;
    const restarts = pod === undefined || pod.restarts === 0 ? "" : `, ${pod.restarts} restarts`;
    const report = worker === undefined ? ", has not reported" : `, ${worker.state}`;
    return [`${name}: ${phase}${restarts}${report}`, ...causes(pod, worker).map((line) => `  ${line}`)];
  });
}

function causes(pod: PodView | undefined, worker: WorkerStatus | undefined): string[] {
  const told = [worker, worker?.source, worker?.stream].flatMap((part) =>
    part?.reason === undefined ? [] : [`${part.reason}: ${part.message ?? ""}`],
  );
  return [...new Set([...(pod?.causes ?? []), ...told])];
}

function poisonLine({ pod, poison }: WorkerStatus): string[] {
  if (poison === undefined) return [];
  const { count, messageId, topic, reason, message } = poison;
  return [`${pod}: ${count}, the first is ${messageId} of ${topic}: ${reason}: ${message ?? ""}`];
}

const REASONS: Readonly<Record<string, Reason>> = {
  ...operatorReasons,
  ...poisonReasons,
  ...workerReasons,
  ...streamReasons,
  ...sourceReasons,
};

/** What the reasons mean that keep the sink from being as it should be, each once, those that need somebody first. */
function remedies(sink: KinesisSink, workers: readonly WorkerStatus[]): string[] {
  if (["Ready", "Paused"].includes(sinkState(sink)) && workers.every(({ poison }) => poison === undefined)) return [];
  const amiss = (sink.status?.conditions ?? []).filter(({ type, status }) =>
    ["Stalled", "Throttled"].includes(type) ? status === "True" : status === "False" && type !== "Paused",
  );
  const named = [
    ...amiss.map(({ reason }) => reason),
    ...workers.flatMap((worker) => [
      worker.reason,
      worker.source?.reason,
      worker.stream?.reason,
      worker.poison?.reason,
    ]),
  ];
  const known = [...new Set(named)].flatMap((reason) => {
    const entry = reason === undefined || !Object.hasOwn(REASONS, reason) ? undefined : REASONS[reason];
    return entry === undefined ? [] : [{ reason, ...entry }];
  });
  return known
    .filter(({ reason }) => !["NotThrottled", "Connected", "Writable"].includes(reason ?? ""))
    .toSorted((a, b) => Number(b.stalls) - Number(a.stalls))
    .map(
      ({ reason, meaning, stalls }) =>
        `${reason}: ${meaning}${stalls ? " It does not pass by itself." : " It is tried again."}`,
    );
}

/** `3m`, `2h`, `5d` since a time. */
export function age(time: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
