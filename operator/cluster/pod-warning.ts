import type { KubeObject } from "../kube/objects.ts";
import type { Cause } from "../status/observed.ts";

/** What is read of an Event (`core/v1`). */
export interface CoreEvent extends KubeObject {
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly lastObservedTime?: string };
}

/** An event's text is quoted in a status; more than this says nothing new. */
const MESSAGE_LIMIT = 512;
/** Warnings of which the pod's own status says more. */
const TOLD_BY_STATUS = new Set(["Failed", "BackOff", "FailedScheduling", "Unhealthy"]);

/** The last warning that says more than the pod's own status. */
export function latestWarning(events: readonly CoreEvent[]): Cause | undefined {
  const [last] = events
    .filter(({ reason }) => !TOLD_BY_STATUS.has(reason ?? ""))
    .sort((a, b) => (toldAt(a) < toldAt(b) ? 1 : -1));
  if (!last) return undefined;
  return { reason: last.reason ?? "Warning", message: (last.message ?? "").slice(0, MESSAGE_LIMIT), stalls: false };
}

/** RFC 3339. */
function toldAt({ series, lastTimestamp, eventTime, metadata }: CoreEvent): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "";
}
