import type { AwsCredentialIdentity } from "@smithy/types";
import type { Clock } from "../../runtime/clock.ts";
import { type CredentialSource, type CredentialSourceOptions, credentialSource } from "./credential-source.ts";
import { exchange } from "./exchange.ts";
import { SinkError } from "./sink.ts";

export interface CredentialsOptions extends CredentialSourceOptions {
  /** How often the parameter is read at most, milliseconds. Default 3,000. */
  readonly recheckMs?: number;
  readonly clock: Clock;
}

export interface Credentials {
  /** What to sign with now; cheap when nothing changed. @throws SinkError (class notReady or transient) */
  resolve(): Promise<AwsCredentialIdentity>;
  /**
   * The service refused `used`: the next `resolve` reads and asks anew. Does nothing when `used` was replaced since, so
   * that many failed requests cause one renewal.
   */
  refresh(used?: AwsCredentialIdentity): void;
}

/** How often a mounted parameter is looked at, milliseconds: the kubelet itself takes up to a minute to publish it. */
const RECHECK_MS = 3_000;
/** Temporary credentials are renewed this long before they expire, milliseconds (as the SDK does). */
const RENEW_BEFORE_MS = 300_000;
/** A failing source is not asked more often than this, milliseconds. */
const FAILURE_PAUSE_MS = 1_000;
/** A slow source is waited for so long, milliseconds; then what still works is used while it goes on. */
const PATIENCE_MS = 2_000;
/** A source that is silent for so long and three times `requestTimeout` is asked anew, milliseconds. */
const SILENCE_MS = 30_000;

/** Never throws: what is wrong with the options shows when credentials are asked for. */
export function createCredentials(options: CredentialsOptions): Credentials {
  return new CachedCredentials(options);
}

/** Asking the source, under way. */
interface Renewal {
  readonly identity: Promise<AwsCredentialIdentity>;
  /** `Clock.now()`. */
  readonly startedAt: number;
}

class CachedCredentials implements Credentials {
  readonly #source: CredentialSource;
  readonly #clock: Clock;
  readonly #recheckMs: number;
  readonly #silenceMs: number;
  readonly #never = new AbortController().signal;
  #cached: AwsCredentialIdentity | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #failed: { readonly error: SinkError; readonly at: number } | undefined;
  #renewal: Renewal | undefined;

  constructor(options: CredentialsOptions) {
    this.#source = credentialSource(options);
    this.#clock = options.clock;
    this.#recheckMs = options.recheckMs ?? RECHECK_MS;
    this.#silenceMs = Math.max(SILENCE_MS, 3 * options.requestTimeout);
  }

  async resolve(): Promise<AwsCredentialIdentity> {
    const now = this.#clock.now();
    const usable = this.#cachedFor(0);
    if (usable !== undefined && now - this.#checkedAt < this.#recheckMs) return usable;
    if (this.#failed !== undefined && now - this.#failed.at < FAILURE_PAUSE_MS) throw this.#failed.error;
    this.#renewal ??= this.#renew();
    const { identity, startedAt } = this.#renewal;
    if (usable === undefined) return await identity;
    return await within(identity, startedAt + PATIENCE_MS - now, usable, this.#clock);
  }

  refresh(used?: AwsCredentialIdentity): void {
    if (used !== undefined && used !== this.#cached) return;
    this.#source.forget();
    this.#cached = undefined;
    this.#failed = undefined;
  }

  /** What is cached, if it does not expire within so many milliseconds. */
  #cachedFor(ms: number): AwsCredentialIdentity | undefined {
    const cached = this.#cached;
    return cached !== undefined && !expiresWithin(cached, ms, this.#clock.wall()) ? cached : undefined;
  }

  #renew(): Renewal {
    const identity = this.#load().finally(() => {
      this.#renewal = undefined;
    });
    // It may fail while nobody waits for it.
    identity.catch(() => undefined);
    return { identity, startedAt: this.#clock.now() };
  }

  async #load(): Promise<AwsCredentialIdentity> {
    const current = this.#cachedFor(RENEW_BEFORE_MS);
    const limits = { timeoutMs: this.#silenceMs, signal: this.#never, clock: this.#clock };
    const answer = await exchange(() => this.#source.load(current), limits);
    this.#checkedAt = this.#clock.now();
    if (answer.kind === "answered") {
      this.#cached = answer.value;
      this.#failed = undefined;
      return answer.value;
    }
    // It may wait for an answer that never comes.
    if (answer.kind !== "threw") this.#source.forget();
    const failure = answer.kind === "threw" ? this.#source.classify(answer.error) : silent(this.#silenceMs);
    // What still works is used until it expires, unless somebody took it away on purpose.
    const usable = this.#cachedFor(0);
    if (failure.class !== "notReady" && usable !== undefined) return usable;
    this.#cached = undefined;
    this.#failed = { error: failure, at: this.#clock.now() };
    throw failure;
  }
}

/** @param wall `Clock.wall()` */
function expiresWithin({ expiration }: AwsCredentialIdentity, ms: number, wall: number): boolean {
  return expiration !== undefined && expiration.getTime() - wall <= ms;
}

/** What `identity` resolves to, or `instead` when that takes longer than `ms`. */
async function within(
  identity: Promise<AwsCredentialIdentity>,
  ms: number,
  instead: AwsCredentialIdentity,
  clock: Clock,
): Promise<AwsCredentialIdentity> {
  if (ms <= 0) return instead;
  const { promise: late, resolve } = Promise.withResolvers<AwsCredentialIdentity>();
  const timer = clock.timer(ms, () => resolve(instead));
  try {
    return await Promise.race([identity, late]);
  } finally {
    timer.cancel();
  }
}

function silent(ms: number): SinkError {
  return new SinkError({
    code: "CredentialsMissing",
    class: "transient",
    message: `No AWS credentials came within ${ms} ms: check the network to STS or the metadata service`,
    ambiguous: false,
  });
}
