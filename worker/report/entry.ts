import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { boundWorkerStatus } from "../../crds/worker-status.ts";
import { printable } from "../../runtime/foreign-text.ts";
import { program } from "../../runtime/version.ts";
import type { PipelineState } from "../pipeline/pipeline.ts";
import type { WorkerFacts } from "./facts.ts";
import { type Cause, workerHealth } from "./health.ts";

/** The worker's entry of `status.workers`. Pure. */
export function workerEntry(facts: WorkerFacts): WorkerStatus {
  const { pipeline, source, stream } = facts;
  const health = workerHealth(facts);
  const entry: WorkerStatus = {
    pod: facts.pod,
    state: health.state,
    ...causeFields(health.cause),
    ...(facts.configHash === null ? {} : { configHash: facts.configHash }),
    version: program.version,
    ...(facts.client === null ? {} : { client: facts.client }),
    startedAt: new Date(facts.startedAt).toISOString(),
    reportedAt: new Date(facts.now).toISOString(),
    ...(source === null
      ? {}
      : {
          source: {
            connected: health.source.connected,
            ...causeFields(health.source.cause),
            partitions: source.partitions,
            activePartitions: source.activePartitions,
            endedPartitions: source.endedPartitions,
          },
        }),
    stream: {
      writable: health.stream.writable,
      ...causeFields(health.stream.cause),
      ...(stream.description === null ? {} : { shards: stream.description.openShards }),
    },
    ratePerSecond: Math.round(facts.rate),
    bytesPerSecond: Math.round(facts.bytesRate),
    ...(facts.backlog === null ? {} : { backlog: facts.backlog }),
    ...(facts.backlogAge === null ? {} : { backlogAgeSeconds: facts.backlogAge }),
    ...(pipeline === null ? {} : pipelineFields(pipeline, facts)),
  };
  // Names of topics and shards are what others made of them, and kubectl prints them as they are.
  return boundWorkerStatus(printableTexts(entry));
}

function printableTexts<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, printableTexts(part)])) as T;
}

function pipelineFields(pipeline: PipelineState, facts: WorkerFacts): Partial<WorkerStatus> {
  const first = pipeline.poison[0];
  const percent = Math.round(facts.throttledPercent);
  return {
    delivered: pipeline.delivered,
    inFlight: pipeline.pending,
    lagSeconds: lagSeconds(pipeline.oldestPublishTime, facts.now),
    budgetPercent: Math.round((100 * pipeline.pendingBytes) / pipeline.budgetBytes),
    retried: pipeline.retries,
    redelivered: pipeline.redelivered,
    deadLettered: pipeline.deadLettered,
    ...(pipeline.slowestShard === null ? {} : { slowestShard: pipeline.slowestShard }),
    ...(pipeline.slowestShard !== null && percent > 0 ? { throttled: { shard: pipeline.slowestShard, percent } } : {}),
    ...(first === undefined
      ? {}
      : {
          poison: {
            count: pipeline.poisonCount,
            topic: first.topic,
            messageId: first.messageId,
            reason: first.code,
            message: first.message,
          },
        }),
  };
}

export function lagSeconds(oldestPublishTime: number | null, now: number): number {
  return oldestPublishTime === null ? 0 : Math.max(0, Math.round((now - oldestPublishTime) / 1000));
}

/** What makes a new report worth sending before the next beat: states and causes, not numbers. */
export function entryFacts(entry: WorkerStatus): string {
  const { state, reason, message, source, stream, poison, throttled } = entry;
  return JSON.stringify([
    state,
    reason,
    message,
    source?.connected,
    source?.reason,
    stream?.writable,
    stream?.reason,
    poison?.messageId,
    throttled !== undefined,
  ]);
}

function causeFields(cause: Cause | null): { reason?: string; message?: string } {
  return cause === null ? {} : { reason: cause.reason, message: cause.message };
}
