import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from "@smithy/types";
import type { Clock } from "../../runtime/clock.ts";
import { credentialWay, parseAssumeRole, parseStaticKeys } from "./credential-param.ts";
import { resolveEndpoint } from "./endpoint.ts";
import { classifyRequestError, credentialsMissing } from "./errors.ts";
import type { SinkFailureCode } from "./sink.ts";
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

/** Never throws: what is wrong with the options shows when credentials are asked for. */
export function createCredentials(options: CredentialsOptions): Credentials {
  const { clock } = options;
  const source = sourceOf(options);
  let cached: AwsCredentialIdentity | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let failed: { readonly error: unknown; readonly at: number } | undefined;
  let pending: Promise<AwsCredentialIdentity> | undefined;

  const valid = (identity: AwsCredentialIdentity): boolean =>
    identity.expiration === undefined || identity.expiration.getTime() - clock.wall() > RENEW_BEFORE_MS;

  const load = async (): Promise<AwsCredentialIdentity> => {
    try {
      const identity = await source.load(cached !== undefined && valid(cached) ? cached : undefined);
      cached = identity;
      checkedAt = clock.now();
      failed = undefined;
      return identity;
    } catch (error) {
      // What still works is used until it expires, unless somebody took it away on purpose.
      const failure = source.classify(error);
      if (failure.class === "transient" && cached !== undefined && stillUsable(cached, clock)) {
        checkedAt = clock.now();
        return cached;
      }
      cached = undefined;
      failed = { error: failure, at: clock.now() };
      throw failure;
    }
  };

  return {
    async resolve() {
      if (cached !== undefined && valid(cached) && clock.now() - checkedAt < RECHECK_MS) return cached;
      if (failed !== undefined && clock.now() - failed.at < FAILURE_PAUSE_MS) throw failed.error;
      pending ??= load().finally(() => {
        pending = undefined;
      });
      return pending;
    },
    refresh(used) {
      if (used !== undefined && used !== cached) return;
      source.forget();
      cached = undefined;
      failed = undefined;
    },
  };
}

function stillUsable(identity: AwsCredentialIdentity, clock: Clock): boolean {
  return identity.expiration === undefined || identity.expiration.getTime() > clock.wall();
}

interface CredentialSource {
  /** `current` is still valid and may be returned when nothing changed. */
  load(current: AwsCredentialIdentity | undefined): Promise<AwsCredentialIdentity>;
  classify(error: unknown): SinkError;
  forget(): void;
}

function sourceOf(options: CredentialsOptions): CredentialSource {
  try {
    switch (credentialWay(options.pluginName)) {
      case "keys":
        return keysSource(options);
      case "chain":
        return chainSource();
      case "role":
        return roleSource(options);
    }
  } catch (error) {
    return { load: () => Promise.reject(error), classify: optionFailure, forget: () => undefined };
  }
}

function optionFailure(error: unknown): SinkError {
  return error instanceof SinkError ? error : notReady("AssumeRoleFailed", (error as Error).message);
}

function keysSource({ readParam }: CredentialsOptions): CredentialSource {
  let text: string | undefined;
  return {
    async load(current) {
      const read = await readParam();
      if (current !== undefined && read === text) return current;
      const identity = parseStaticKeys(read);
      text = read;
      return identity;
    },
    classify: paramFailure,
    forget() {
      text = undefined;
    },
  };
}

function chainSource(): CredentialSource {
  let chain: AwsCredentialIdentityProvider | undefined;
  return {
    async load() {
      chain ??= await defaultChain();
      return await chain();
    },
    classify: () => new SinkError(credentialsMissing()),
    forget() {
      chain = undefined;
    },
  };
}

/** Loaded on first use: with static keys it would cost start time and memory for nothing. */
async function defaultChain(): Promise<AwsCredentialIdentityProvider> {
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  return fromNodeProviderChain();
}

function roleSource(options: CredentialsOptions): CredentialSource {
  const { readParam } = options;
  const endpoint = resolveEndpoint({
    host: options.stsEndpoint,
    port: options.stsPort,
    region: options.region ?? "us-east-1",
    property: "awsStsEndpoint",
  });
  let text: string | undefined;
  let roleArn = "";
  let provider: AwsCredentialIdentityProvider | undefined;
  return {
    async load(current) {
      const read = await readParam();
      if (provider === undefined || read !== text) {
        const role = parseAssumeRole(read);
        roleArn = role.roleArn;
        provider = await assumeRole(role, endpoint, options);
        text = read;
      } else if (current !== undefined) {
        return current;
      }
      return await provider();
    },
    classify: (error) => roleFailure(error, roleArn, endpoint.url ?? `STS in ${endpoint.region}`),
    forget() {
      provider = undefined;
    },
  };
}

async function assumeRole(
  role: ReturnType<typeof parseAssumeRole>,
  endpoint: { readonly url: string | undefined; readonly region: string },
  options: CredentialsOptions,
): Promise<AwsCredentialIdentityProvider> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  return fromTemporaryCredentials({
    masterCredentials: fromNodeProviderChain(),
    params: {
      RoleArn: role.roleArn,
      RoleSessionName: role.roleSessionName,
      ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
    },
    clientConfig: {
      region: endpoint.region,
      maxAttempts: 2,
      ...(endpoint.url === undefined ? {} : { endpoint: endpoint.url }),
      requestHandler: {
        connectionTimeout: options.connectTimeout,
        requestTimeout: options.requestTimeout,
        throwOnRequestTimeout: true,
        httpsAgent: { rejectUnauthorized: !options.skipCertificateValidation },
      },
    },
  });
}

function paramFailure(error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const missing = code === "SecretMissing" || code === "SecretKeyMissing";
  return notReady(
    missing ? code : "CredentialsMissing",
    missing
      ? String(message)
      : `awsCredentialPluginParam cannot be read (${typeof code === "string" ? code : "unknown error"}): check its Secret`,
  );
}

function roleFailure(error: unknown, roleArn: string, endpoint: string): SinkError {
  if (error instanceof SinkError) return error;
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (code === "SecretMissing" || code === "SecretKeyMissing") return paramFailure(error);
  const failure = classifyRequestError(error, { stream: "", endpoint, action: "sts:AssumeRole" });
  if (failure.code === "CredentialsMissing") return new SinkError(failure);
  if (failure.class === "transient" || failure.class === "throttled" || failure.code === "TlsFailed") {
    return new SinkError({
      ...failure,
      message: `STS (${endpoint}) cannot be asked for role ${roleArn} (${String(code ?? name)}): check awsStsEndpoint and network policies`,
      ambiguous: false,
    });
  }
  return notReady(
    "AssumeRoleFailed",
    `Role ${roleArn} cannot be assumed (${String(name)}): check roleArn, externalId, the role's trust policy and the pod's identity`,
  );
}

function notReady(code: SinkFailureCode, message: string): SinkError {
  return new SinkError({ code, class: "notReady", message, ambiguous: false });
}
