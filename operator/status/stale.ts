import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import type { OperatorReason } from "../../crds/reasons.ts";
import type { Cause, StaleReport } from "./observed.ts";

/** Why a pod that runs says nothing that counts. */
export function staleCause({ pod, ageMs }: StaleReport, report: WorkerStatus | undefined): Cause {
  const said = report?.message ? `; its last words were: ${report.message}` : "";
  return {
    reason: "ReportStale" satisfies OperatorReason,
    message: `${pod} has not reported for ${coarse(ageMs)}: see its log, and whether it reaches the API server${said}`,
    stalls: false,
  };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A time that changes rarely, for each change of the words is a write: in minutes, then tens of them, then hours. */
export function coarse(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / 10_000) * 10} s`;
  if (ms < 10 * MINUTE) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE / 10) * 10} min`;
  if (ms < 48 * HOUR) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / HOUR / 24)} days`;
}
