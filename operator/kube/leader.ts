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
  /** For the jitter of the retry period; default Math.random. */
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
  return new LeaseElection(options);
}

/** The record of a lease, and since when it was seen unchanged, monotonic milliseconds. */
interface Observation {
  readonly record: string;
  readonly at: number;
}

class LeaseElection implements LeaderElection {
  readonly #options: LeaderOptions;
  readonly #random: () => number;
  #leading = false;
  #observed: Observation | undefined;
  #held: Lease | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  isLeader(): boolean {
    return this.#leading;
  }

  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const acquiredAt = await this.#acquire(signal);
      if (acquiredAt === undefined) return;
      await this.#term(lead, acquiredAt, signal);
      if (signal.aborted) await this.#release();
    }
  }

  /** Returns when the lease is ours, with the moment from which it counts; undefined when the signal aborted. */
  async #acquire(signal: AbortSignal): Promise<number | undefined> {
    const { clock, logger, renewDeadlineMs, retryPeriodMs } = this.#options;
    while (!signal.aborted) {
      // Others count from when the server wrote it, which may be long before the answer is here.
      const askedAt = clock.now();
      try {
        if (await this.#acquireOrRenew(AbortSignal.any([signal, AbortSignal.timeout(renewDeadlineMs)]))) return askedAt;
      } catch (error) {
        if (signal.aborted) return undefined;
        logger.info("cannot acquire the lease yet", { error });
      }
      await clock.sleep(retryPeriodMs * (1 + 0.2 * this.#random()), signal).catch(() => undefined);
    }
    return undefined;
  }

  /** One term: the work, until it ends, the lease is lost or the signal aborts. */
  async #term(lead: (signal: AbortSignal) => Promise<void>, acquiredAt: number, signal: AbortSignal): Promise<void> {
    const { identity, logger } = this.#options;
    const loss = new AbortController();
    this.#leading = true;
    logger.info("leading", { identity });
    const work = lead(AbortSignal.any([signal, loss.signal]));
    try {
      await Promise.race([this.#keep(acquiredAt, signal), work.then(() => undefined)]);
    } finally {
      loss.abort(new Error("the lease was lost"));
      await work;
      this.#leading = false;
      logger.info("no longer leading", { identity });
    }
  }

  /** Returns when the lease is lost or the signal aborts. */
  async #keep(acquiredAt: number, signal: AbortSignal): Promise<void> {
    const { clock, renewDeadlineMs, retryPeriodMs } = this.#options;
    let renewedAt = acquiredAt;
    while (!signal.aborted) {
      await clock.sleep(retryPeriodMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const left = renewedAt + renewDeadlineMs - clock.now();
      if (left <= 0) return;
      const askedAt = clock.now();
      const outcome = await this.#renew(left, signal);
      if (outcome === "lost") return;
      if (outcome === "renewed") renewedAt = askedAt;
    }
  }

  async #renew(leftMs: number, signal: AbortSignal): Promise<"renewed" | "lost" | "unknown"> {
    const { clock, logger } = this.#options;
    const deadline = new AbortController();
    const timer = clock.timer(leftMs, () => deadline.abort(new Error("the renew deadline passed")));
    try {
      return (await this.#acquireOrRenew(AbortSignal.any([signal, deadline.signal]))) ? "renewed" : "lost";
    } catch (error) {
      if (!signal.aborted) logger.info("cannot renew the lease yet", { error });
      return "unknown";
    } finally {
      timer.cancel();
    }
  }

  /** True when the lease is ours now. */
  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { clock, leases } = this.#options;
    const lease = await leases.read(signal);
    if (lease) {
      const now = clock.now();
      this.#observed = observe(this.#observed, lease, now);
      if (heldByOther(lease, now - this.#observed.at, this.#options)) return false;
    }
    const spec = nextSpec(lease?.spec, this.#options);
    this.#held = lease ? await leases.update(lease, spec, signal) : await leases.create(spec, signal);
    return true;
  }

  async #release(): Promise<void> {
    if (!this.#held) return;
    const { clock, leases, logger, retryPeriodMs } = this.#options;
    const now = microTime(clock.wall());
    const empty = { ...this.#held.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    await leases.update(this.#held, empty, AbortSignal.timeout(retryPeriodMs)).catch((error: unknown) => {
      logger.info("could not release the lease; it expires by itself", { error });
    });
  }
}

function observe(before: Observation | undefined, lease: Lease, now: number): Observation {
  const record = JSON.stringify(lease.spec);
  return before?.record === record ? before : { record, at: now };
}

/** Another's lease that was seen to change within its duration. */
function heldByOther({ spec }: Lease, unchangedMs: number, { identity, leaseDurationMs }: LeaderOptions): boolean {
  const holder = spec.holderIdentity ?? "";
  const durationMs = spec.leaseDurationSeconds === undefined ? leaseDurationMs : spec.leaseDurationSeconds * 1000;
  return holder !== "" && holder !== identity && unchangedMs < durationMs;
}

/** What the lease says once it is ours: renewed, or taken over from whoever held it. */
function nextSpec(previous: LeaseSpec | undefined, { clock, identity, leaseDurationMs }: LeaderOptions): LeaseSpec {
  const now = microTime(clock.wall());
  const mine = previous?.holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.round(leaseDurationMs / 1000),
    acquireTime: mine ? (previous?.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: (previous?.leaseTransitions ?? 0) + (mine || !previous ? 0 : 1),
  };
}
