import type { NodeHttpHandler } from "@smithy/node-http-handler";
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from "@smithy/types";
import { errorText } from "../../runtime/error-text.ts";
import type { ProxyVariables } from "../../runtime/proxy.ts";
import { credentialWay, parseAssumeRole, parseStaticKeys } from "./credential-param.ts";
import { resolveEndpoint } from "./endpoint.ts";
import { classifyRequestError, credentialsMissing, errorName } from "./errors.ts";
import { createRequestHandler } from "./request-handler.ts";
import type { SinkFailure, SinkFailureCode } from "./sink.ts";
import { SinkError } from "./sink.ts";

export interface CredentialSourceOptions {
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
  /** None by default. The metadata service and files of the pod need none. */
  readonly proxy?: ProxyVariables;
  /** Reads authorities that are trusted beside the well-known ones, PEM; asked for each connection. */
  readonly ca?: (() => Promise<Uint8Array>) | undefined;
}

/** One request at a time, and its repetition. */
const STS_SOCKETS = 2;

/** One of the documented ways to credentials. Remembers what it needs to tell that nothing changed. */
export interface CredentialSource {
  /** `current` is still valid and may be returned when nothing changed. */
  load(current: AwsCredentialIdentity | undefined): Promise<AwsCredentialIdentity>;
  classify(error: unknown): SinkError;
  forget(): void;
}

/** Never throws: what is wrong with the options shows when credentials are asked for. */
export function credentialSource(options: CredentialSourceOptions): CredentialSource {
  try {
    switch (credentialWay(options.pluginName)) {
      case "keys":
        return keysSource(options);
      case "chain":
        return chainSource(options);
      case "role":
        return roleSource(options);
    }
  } catch (error) {
    return { load: () => Promise.reject(error), classify: optionFailure, forget: () => undefined };
  }
}

function optionFailure(error: unknown): SinkError {
  return error instanceof SinkError ? error : notReady("AssumeRoleFailed", errorText(error));
}

function keysSource(options: CredentialSourceOptions): CredentialSource {
  let text: string | undefined;
  return {
    async load(current) {
      const read = await readParam(options);
      if (current !== undefined && read === text) return current;
      const identity = parseStaticKeys(read);
      text = read;
      return identity;
    },
    // All that it throws is classified.
    classify: optionFailure,
    forget() {
      text = undefined;
    },
  };
}

function chainSource(options: CredentialSourceOptions): CredentialSource {
  let chain: AwsCredentialIdentityProvider | undefined;
  return {
    async load() {
      chain ??= await defaultChain(options);
      return await chain();
    },
    classify: chainFailure,
    forget() {
      chain = undefined;
    },
  };
}

/** Loaded on first use: with static keys it would cost start time and memory for nothing. */
async function defaultChain(options: CredentialSourceOptions): Promise<AwsCredentialIdentityProvider> {
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  return fromNodeProviderChain({ clientConfig: { requestHandler: stsHandler(options) } });
}

function stsHandler({ connectTimeout, requestTimeout, proxy = {}, ca }: CredentialSourceOptions): NodeHttpHandler {
  const limits = { connectionTimeout: connectTimeout, requestTimeout, maxSockets: STS_SOCKETS };
  return createRequestHandler({ ...limits, rejectUnauthorized: true, proxy, ca });
}

function roleSource(options: CredentialSourceOptions): CredentialSource {
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
      const read = await readParam(options);
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
  options: CredentialSourceOptions,
): Promise<AwsCredentialIdentityProvider> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  return fromTemporaryCredentials({
    masterCredentials: fromNodeProviderChain({ clientConfig: { requestHandler: stsHandler(options) } }),
    params: {
      RoleArn: role.roleArn,
      RoleSessionName: role.roleSessionName,
      ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
    },
    clientConfig: {
      region: endpoint.region,
      maxAttempts: 2,
      ...(endpoint.url === undefined ? {} : { endpoint: endpoint.url }),
      requestHandler: stsHandler(options),
    },
  });
}

/** The chain found nothing, or found an identity and could not use it. */
function chainFailure(error: unknown): SinkError {
  const { code, name, syscall, $metadata } = error as Partial<
    Record<"code" | "name" | "syscall" | "$metadata", unknown>
  >;
  const isFile = syscall === "open" || syscall === "read";
  if (name === "CredentialsProviderError" || name === "TokenProviderError" || isFile) {
    return new SinkError(credentialsMissing(isFile ? String(code) : undefined));
  }
  const failure = classifyRequestError(error, { stream: "", endpoint: "", action: "" });
  if (ofTrust(failure)) return new SinkError(failure);
  if ($metadata !== undefined && failure.class === "notReady") {
    return notReady(
      "AssumeRoleFailed",
      `STS refuses the pod's own identity (${errorName(name)}): check the trust policy of its role and the annotations of its service account`,
    );
  }
  return new SinkError({
    ...failure,
    message: `The default chain cannot get AWS credentials (${errorName(code ?? name)}): check network policies, and the way to STS or the metadata service`,
    ambiguous: false,
  });
}

/** @throws SinkError */
async function readParam(options: CredentialSourceOptions): Promise<string> {
  try {
    return await options.readParam();
  } catch (error) {
    const { code, name, message } = error as Partial<Record<"code" | "name" | "message", unknown>>;
    if (code === "SecretMissing" || code === "SecretKeyMissing") throw notReady(code, String(message));
    // Not taken away: the file or the API server cannot be asked now.
    throw new SinkError({
      code: "CredentialsMissing",
      class: "transient",
      message: `awsCredentialPluginParam cannot be read (${errorName(code ?? name)}): check its Secret, or the way to the API server`,
      ambiguous: false,
    });
  }
}

/** What is to vouch for STS is missing: its message says so. */
function ofTrust({ code }: SinkFailure): boolean {
  return code === "SecretMissing" || code === "SecretKeyMissing";
}

function roleFailure(error: unknown, roleArn: string, endpoint: string): SinkError {
  if (error instanceof SinkError) return error;
  const { code, name } = error as { code?: unknown; name?: unknown };
  const failure = classifyRequestError(error, { stream: "", endpoint, action: "sts:AssumeRole" });
  if (failure.code === "CredentialsMissing" || ofTrust(failure)) return new SinkError(failure);
  if (failure.class === "transient" || failure.class === "throttled" || failure.code === "TlsFailed") {
    return new SinkError({
      ...failure,
      message: `STS (${endpoint}) cannot be asked for role ${roleArn} (${errorName(code ?? name)}): check awsStsEndpoint and network policies`,
      ambiguous: false,
    });
  }
  return notReady(
    "AssumeRoleFailed",
    `Role ${roleArn} cannot be assumed (${errorName(name)}): check roleArn, externalId, the role's trust policy and the pod's identity`,
  );
}

function notReady(code: SinkFailureCode, message: string): SinkError {
  return new SinkError({ code, class: "notReady", message, ambiguous: false });
}
