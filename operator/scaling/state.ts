import type { KinesisSinkStatus } from "../../crds/kinesissink.generated.ts";

/** `status.autoscaling` */
export type AutoscalingStatus = NonNullable<KinesisSinkStatus["autoscaling"]>;

/** A change that waits for its stabilization. Times are epoch milliseconds. */
export type Pending =
  | {
      readonly direction: "Up";
      readonly since: number;
      /** As they were then: what falls fast enough meanwhile needs no more workers. */
      readonly lagSeconds: number | undefined;
      readonly backlog: number | undefined;
    }
  | {
      readonly direction: "Down";
      readonly since: number;
      /** The highest number that would have done since. */
      readonly replicas: number;
    };

/** What a worker delivers while more waits than it can. */
export interface Capacity {
  /** Messages per second. */
  readonly perReplica: number;
  readonly at: number;
}

/**
 * What is remembered between two decisions. It lies in the status, so that the next leader goes on from it: a stabilization
 * neither begins anew with each restart nor is it skipped.
 */
export interface ScalingState {
  readonly replicas: number;
  readonly scaledAt: number | undefined;
  readonly pending: Pending | undefined;
  readonly capacity: Capacity | undefined;
}

/** @param start the number of workers where nothing was decided yet */
export function readState(status: AutoscalingStatus | undefined, start: number): ScalingState {
  const measuredAt = epoch(status?.measuredAt);
  const { messagesPerReplica: perReplica = 0 } = status ?? {};
  return {
    replicas: status?.replicas ?? start,
    scaledAt: epoch(status?.lastScaleTime),
    pending: readPending(status?.pending),
    capacity: perReplica > 0 && measuredAt !== undefined ? { perReplica, at: measuredAt } : undefined,
  };
}

function readPending(pending: AutoscalingStatus["pending"]): Pending | undefined {
  const since = epoch(pending?.since);
  if (pending === undefined || since === undefined) return undefined;
  const { direction, lagSeconds, backlog, replicas } = pending;
  if (direction === "Up") return { direction, since, lagSeconds, backlog };
  if (direction === "Down" && replicas !== undefined) return { direction, since, replicas };
  return undefined;
}

/** The part of the status that holds the state. */
export function writeState({ replicas, scaledAt, pending, capacity }: ScalingState): AutoscalingStatus {
  return {
    replicas,
    ...(scaledAt === undefined ? {} : { lastScaleTime: rfc3339(scaledAt) }),
    ...(pending === undefined ? {} : { pending: writePending(pending) }),
    ...(capacity === undefined ? {} : { messagesPerReplica: capacity.perReplica, measuredAt: rfc3339(capacity.at) }),
  };
}

function writePending(pending: Pending): NonNullable<AutoscalingStatus["pending"]> {
  const { direction, since } = pending;
  if (pending.direction === "Down") return { direction, since: rfc3339(since), replicas: pending.replicas };
  const { lagSeconds, backlog } = pending;
  return {
    direction,
    since: rfc3339(since),
    ...(lagSeconds === undefined ? {} : { lagSeconds }),
    ...(backlog === undefined ? {} : { backlog }),
  };
}

function epoch(time: string | undefined): number | undefined {
  const ms = Date.parse(time ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

/** As Kubernetes writes times, in seconds. */
function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
