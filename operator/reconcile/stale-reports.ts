import type { KinesisSink, WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { runningReplicas } from "../../crds/replicas.ts";
import { beatMs } from "../../crds/report-beat.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { jsonHash } from "../../runtime/json-hash.ts";
import { readObject } from "../kube/apply.ts";
import type { StaleReport } from "../status/observed.ts";
import type { Context, SeenReport } from "./context.ts";

/** What of a reconcile the judging needs. */
export type ReportContext = Pick<Context, "client" | "clock" | "memory" | "signal" | "sink">;

export interface Staleness {
  readonly stale: readonly StaleReport[];
  /** After this the next report becomes stale, milliseconds. */
  readonly againAfterMs: number | undefined;
}

/** A report may come late, by jitter and retries, so that only the third that is missing says something. */
const BEATS = 3;
/** Clocks that differ by less do no harm. */
const SKEW_MS = 5 * 60_000;

/**
 * The reports that are older than three beats of their worker. A report's age is counted from when the operator saw it change,
 * for the clocks of nodes differ; only one that it meets for the first time is judged by the time that it names.
 */
export async function staleReports(context: ReportContext): Promise<Staleness> {
  const { clock, memory, sink } = context;
  const entries = sink.status?.workers ?? [];
  noteReports(context, entries);
  if (entries.some(({ pod }) => isNewlyStale(memory.reports.get(pod), clock.now()))) await confirm(context);
  const now = clock.now();
  const stale: StaleReport[] = [];
  let again = Number.POSITIVE_INFINITY;
  for (const { pod } of entries) {
    const seen = memory.reports.get(pod);
    if (!seen) continue;
    if (seen.stale) stale.push({ pod, ageMs: now - seen.at });
    else again = Math.min(again, seen.at + seen.limitMs - now);
  }
  return { stale, againAfterMs: Number.isFinite(again) ? Math.max(0, again) : undefined };
}

/** Notes when each entry changed. */
function noteReports({ clock, memory, sink }: ReportContext, entries: readonly WorkerStatus[]): void {
  const pods = new Set(entries.map(({ pod }) => pod));
  for (const pod of memory.reports.keys()) if (!pods.has(pod)) memory.reports.delete(pod);
  for (const entry of entries) {
    const mark = markOf(entry);
    const known = memory.reports.get(entry.pod);
    if (known?.mark === mark) continue;
    // The worker learned of this number of replicas when it reported: its next beat is of it.
    const limitMs = BEATS * beatMs(runningReplicas(sink));
    const ageMs = known ? 0 : ageAtFirst(entry, clock.wall(), limitMs);
    memory.reports.set(entry.pod, { mark, at: clock.now() - ageMs, limitMs, stale: false });
  }
}

function markOf(entry: WorkerStatus): string {
  return entry.reportedAt ?? jsonHash(entry);
}

/** How old a report is that was there before this operator; 0 where the clocks may be to blame. */
function ageAtFirst({ reportedAt }: WorkerStatus, wall: number, limitMs: number): number {
  const ageMs = wall - Date.parse(reportedAt ?? "");
  return ageMs > limitMs + SKEW_MS ? ageMs : 0;
}

function isNewlyStale(seen: SeenReport | undefined, now: number): seen is SeenReport {
  return seen !== undefined && !seen.stale && now - seen.at >= seen.limitMs;
}

/** A watch that lags would make every report look old: the API server has the last word. */
async function confirm({ client, clock, memory, signal, sink }: ReportContext): Promise<void> {
  const { name, namespace } = sink.metadata;
  const live = await readObject<KinesisSink>(client, { type: KINESIS_SINKS, namespace, name }, signal);
  const marks = new Map((live?.status?.workers ?? []).map((entry) => [entry.pod, markOf(entry)]));
  const now = clock.now();
  for (const [pod, seen] of memory.reports) {
    if (!isNewlyStale(seen, now)) continue;
    if (marks.get(pod) === seen.mark) seen.stale = true;
    else seen.at = now;
  }
}
