import type { Condition, KinesisSink } from "../../crds/kinesissink.generated.ts";
import type { ConditionType } from "../../crds/status-values.ts";
import { EXIT, type ExitCode, type Io, printLine, warnLine } from "../io.ts";
import type { Cluster } from "./access.ts";
import { findSinks, type Selection, sinkPath } from "./sinks.ts";
import { table } from "./table.ts";

export function condition(sink: KinesisSink, type: ConditionType): Condition | undefined {
  return sink.status?.conditions?.find((one) => one.type === type);
}

/** How a sink does, as one word for a script. A stop that somebody wished is as it should be. */
export function sinkState(sink: KinesisSink): "Ready" | "NotReady" | "Paused" | "Unknown" {
  if (condition(sink, "Paused")?.status === "True") return "Paused";
  const ready = condition(sink, "Ready");
  if (ready === undefined || (sink.status?.observedGeneration ?? -1) !== sink.metadata.generation) return "Unknown";
  return ready.status === "True" ? "Ready" : "NotReady";
}

export interface StatusOptions extends Selection {
  readonly output: "text" | "json";
}

/** `kinesis-sink status`: good when every sink is ready, or stopped because somebody wished it. */
export async function statusCommand(options: StatusOptions, cluster: Cluster, io: Io): Promise<ExitCode> {
  const sinks = await findSinks(cluster, options);
  if (options.output === "json") printLine(io, JSON.stringify({ sinks: sinks.map(summary) }, null, 2));
  else if (sinks.length === 0) warnLine(io, "there are no KinesisSinks here: -A looks in all namespaces");
  else for (const line of statusTable(sinks)) printLine(io, line);
  return sinks.every((sink) => ["Ready", "Paused"].includes(sinkState(sink))) ? EXIT.good : EXIT.bad;
}

function summary(sink: KinesisSink) {
  const { metadata, spec, status } = sink;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    state: sinkState(sink),
    reason: condition(sink, "Ready")?.reason ?? condition(sink, "Paused")?.reason,
    message: condition(sink, "Ready")?.message ?? condition(sink, "Paused")?.message,
    stream: spec.config.awsKinesisStreamName,
    replicas: spec.replicas,
    readyReplicas: status?.readyReplicas ?? 0,
    ...status?.totals,
  };
}

function statusTable(sinks: readonly KinesisSink[]): string[] {
  const head = ["SINK", "STATE", "REASON", "READY", "MSG/S", "BACKLOG", "LAG", "STREAM", "MESSAGE"];
  const rows = sinks.map((sink) => {
    const { totals = {}, readyReplicas = 0 } = sink.status ?? {};
    const cause = condition(sink, "Ready") ?? condition(sink, "Paused");
    return [
      sinkPath(sink),
      sinkState(sink),
      cause?.reason ?? "",
      `${readyReplicas}/${sink.spec.replicas}`,
      String(totals.ratePerSecond ?? ""),
      String(totals.backlog ?? ""),
      totals.lagSeconds === undefined ? "" : `${totals.lagSeconds}s`,
      sink.spec.config.awsKinesisStreamName,
      cause?.status === "True" ? "" : (cause?.message ?? "the operator has not looked at it yet: does it run?"),
    ];
  });
  return table([head, ...rows]);
}
