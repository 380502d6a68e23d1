import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import type { WorkerFacts } from "./facts.ts";

/** The report as a person at a terminal reads it: one line of numbers, a line for each cause. No trailing line end. */
export function terminalReport(entry: WorkerStatus, facts: WorkerFacts): string {
  const time = new Date(facts.now).toISOString().slice(11, 19);
  const shards = entry.stream?.shards;
  const numbers = [
    `${time}  ${entry.state}`,
    `pulsar ${entry.source?.connected ? "connected" : "not connected"} (${entry.source?.activePartitions ?? 0} of ${entry.source?.partitions ?? 0} partitions)`,
    `stream ${entry.stream?.writable ? "writable" : "not writable"}${shards === undefined ? "" : ` (${shards} shards)`}`,
    `${entry.ratePerSecond ?? 0} msg/s`,
    `${entry.delivered ?? 0} delivered`,
    `${entry.inFlight ?? 0} pending`,
    ...(entry.backlog === undefined ? [] : [`backlog ${entry.backlog}`]),
    ...(entry.retried ? [`${entry.retried} retried`] : []),
  ].join("  ");
  const causes = [
    causeLine("", entry),
    causeLine("pulsar: ", entry.source),
    causeLine("stream: ", entry.stream),
    entry.throttled ? `throttled on ${entry.throttled.shard}` : null,
  ].filter((line) => line !== null);
  return [numbers, ...[...new Set(causes.map((line) => `          ${line}`))]].join("\n");
}

function causeLine(side: string, part: { reason?: string; message?: string } | undefined): string | null {
  return part?.reason === undefined ? null : `${side}${part.reason}: ${part.message ?? ""}`;
}
