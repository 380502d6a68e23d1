import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { type Lease, type LeaseClient, type LeaseSpec, microTime } from "./lease.ts";

export interface LeaderOptions {
  readonly leases: LeaseClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unique among the candidates: the pod's name. */
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly random?: () => number;
}

export interface LeaderElection {
  /**
   * Campaigns until the signal aborts. While this process leads, `lead` runs with a signal that aborts before the lease can
   * pass to another; after a loss it campaigns again. On shutdown `lead` ends first, then the lease is released.
   */
  run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
  isLeader(): boolean;
}

/**
 * Leader election on a Lease with the semantics of client-go (`tools/leaderelection`): another's lease counts from the
 * moment its record was last seen to change on our own monotonic clock, so clocks of machines need not agree.
 */
export function createLeaderElection(options: LeaderOptions): LeaderElection {
  const { clock, identity, leases } = options;
  const random = options.random ?? Math.random;
  let leading = false;
  let observed: { record: string; at: number } | undefined;
  let held: Lease | undefined;

  const spec = (previous: LeaseSpec | undefined): LeaseSpec => {
    const now = microTime(clock.wall());
    const mine = previous?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.round(options.leaseDurationMs / 1000),
      acquireTime: mine ? (previous?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (previous?.leaseTransitions ?? 0) + (mine || !previous ? 0 : 1),
    };
  };

  const heldByOther = (lease: Lease): boolean => {
    const record = JSON.stringify(lease.spec);
    if (observed?.record !== record) observed = { record, at: clock.now() };
    const holder = lease.spec.holderIdentity ?? "";
    const durationMs = (lease.spec.leaseDurationSeconds ?? options.leaseDurationMs / 1000) * 1000;
    return holder !== "" && holder !== identity && clock.now() < observed.at + durationMs;
  };

  /** True when the lease is ours now. */
  const acquireOrRenew = async (signal: AbortSignal): Promise<boolean> => {
    const lease = await leases.read(signal);
    if (!lease) held = await leases.create(spec(undefined), signal);
    else if (heldByOther(lease)) return false;
    else held = await leases.update(lease, spec(lease.spec), signal);
    return true;
  };

  /** Returns when the lease is ours, with the moment from which it counts; undefined when the signal aborted. */
  const acquire = async (signal: AbortSignal): Promise<number | undefined> => {
    while (!signal.aborted) {
      // Others count from when the server wrote it, which may be long before the answer is here.
      const askedAt = clock.now();
      try {
        if (await acquireOrRenew(AbortSignal.any([signal, AbortSignal.timeout(options.renewDeadlineMs)]))) {
          return askedAt;
        }
      } catch (error) {
        if (signal.aborted) return undefined;
        options.logger.info("cannot acquire the lease yet", { error });
      }
      await clock.sleep(options.retryPeriodMs * (1 + 0.2 * random()), signal).catch(() => undefined);
    }
    return undefined;
  };

  /** Returns when the lease is lost or the signal aborts. */
  const keep = async (acquiredAt: number, signal: AbortSignal) => {
    let renewedAt = acquiredAt;
    while (!signal.aborted) {
      await clock.sleep(options.retryPeriodMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const left = renewedAt + options.renewDeadlineMs - clock.now();
      if (left <= 0) return;
      const deadline = new AbortController();
      const timer = clock.timer(left, () => deadline.abort(new Error("the renew deadline passed")));
      const askedAt = clock.now();
      try {
        if (!(await acquireOrRenew(AbortSignal.any([signal, deadline.signal])))) return;
        renewedAt = askedAt;
      } catch (error) {
        if (!signal.aborted) options.logger.info("cannot renew the lease yet", { error });
      } finally {
        timer.cancel();
      }
    }
  };

  const release = async () => {
    if (!held) return;
    const now = microTime(clock.wall());
    const empty = { ...held.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    await leases.update(held, empty, AbortSignal.timeout(options.retryPeriodMs)).catch((error: unknown) => {
      options.logger.info("could not release the lease; it expires by itself", { error });
    });
  };

  const term = async (lead: (signal: AbortSignal) => Promise<void>, acquiredAt: number, signal: AbortSignal) => {
    const loss = new AbortController();
    leading = true;
    options.logger.info("leading", { identity });
    const work = lead(AbortSignal.any([signal, loss.signal]));
    try {
      await Promise.race([keep(acquiredAt, signal), work.then(() => undefined)]);
    } finally {
      loss.abort(new Error("the lease was lost"));
      await work;
      leading = false;
      options.logger.info("no longer leading", { identity });
    }
  };

  return {
    isLeader: () => leading,
    run: async (lead, signal) => {
      while (!signal.aborted) {
        const acquiredAt = await acquire(signal);
        if (acquiredAt === undefined) return;
        await term(lead, acquiredAt, signal);
        if (signal.aborted) await release();
      }
    },
  };
}
