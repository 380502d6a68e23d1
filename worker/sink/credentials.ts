import type { AwsCredentialIdentity } from "@smithy/types";
import type { Clock } from "../../runtime/clock.ts";
import { credentialSource } from "./credential-source.ts";
import { exchange } from "./exchange.ts";
import { SinkError } from "./sink.ts";

export interface CredentialsOptions {
  /** `awsCredentialPluginName`. */
  readonly pluginName: string;
  /**
   * `awsCredentialPluginParam`, read anew on each call. An error whose `code` is SecretMissing or SecretKeyMissing is
   * passed on with its message.
   */
  readonly readParam: () => Promise<string>;
  readonly region: string | undefined;
  readonly stsEndpoint: string | undefined;
  readonly stsPort: number | undefined;
  /** Milliseconds, for calls to STS. */
  readonly connectTimeout: number;
  readonly requestTimeout: number;
  /** Local tests only. */
  readonly skipCertificateValidation: boolean;
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

interface Load {
  readonly identity: Promise<AwsCredentialIdentity>;
  readonly startedAt: number;
}

/** Never throws: what is wrong with the options shows when credentials are asked for. */
export function createCredentials(options: CredentialsOptions): Credentials {
  const { clock, recheckMs = RECHECK_MS } = options;
  const source = credentialSource(options);
  const silenceMs = Math.max(SILENCE_MS, 3 * options.requestTimeout);
  const { signal } = new AbortController();
  let cached: AwsCredentialIdentity | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let failed: { readonly error: unknown; readonly at: number } | undefined;
  let pending: Load | undefined;

  const expiresWithin = ({ expiration }: AwsCredentialIdentity, ms: number): boolean =>
    expiration !== undefined && expiration.getTime() - clock.wall() <= ms;

  const load = async (): Promise<AwsCredentialIdentity> => {
    const current = cached !== undefined && !expiresWithin(cached, RENEW_BEFORE_MS) ? cached : undefined;
    const answer = await exchange(() => source.load(current), { timeoutMs: silenceMs, signal, clock });
    checkedAt = clock.now();
    if (answer.kind === "answered") {
      cached = answer.value;
      failed = undefined;
      return cached;
    }
    // It may wait for an answer that never comes.
    if (answer.kind !== "threw") source.forget();
    const failure = answer.kind === "threw" ? source.classify(answer.error) : silent(silenceMs);
    // What still works is used until it expires, unless somebody took it away on purpose.
    if (failure.class !== "notReady" && cached !== undefined && !expiresWithin(cached, 0)) return cached;
    cached = undefined;
    failed = { error: failure, at: clock.now() };
    throw failure;
  };
  const start = (): Load => {
    const identity = load().finally(() => {
      pending = undefined;
    });
    // It may fail while nobody waits for it.
    identity.catch(() => undefined);
    return { identity, startedAt: clock.now() };
  };

  return {
    async resolve() {
      const now = clock.now();
      const usable = cached !== undefined && !expiresWithin(cached, 0) ? cached : undefined;
      if (usable !== undefined && now - checkedAt < recheckMs) return usable;
      if (failed !== undefined && now - failed.at < FAILURE_PAUSE_MS) throw failed.error;
      pending ??= start();
      const { identity, startedAt } = pending;
      if (usable === undefined) return await identity;
      return await within(identity, startedAt + PATIENCE_MS - now, usable, clock);
    },
    refresh(used) {
      if (used !== undefined && used !== cached) return;
      source.forget();
      cached = undefined;
      failed = undefined;
    },
  };
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
