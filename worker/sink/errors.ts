import { AnswerTooLargeError } from "../../runtime/http-answer.ts";
import type { FailureClass, SinkFailure, SinkFailureCode } from "./sink.ts";
import { SinkError } from "./sink.ts";
import { CertificatesError } from "./trust.ts";

/** What a failure is about, for the sentence that people read. */
export interface FailureContext {
  readonly stream: string;
  /** URL, or "Kinesis in <region>". */
  readonly endpoint: string;
  /** IAM action, for example `kinesis:PutRecords`. */
  readonly action: string;
}

interface Rule {
  readonly code: SinkFailureCode;
  readonly class: FailureClass;
  readonly sentence: (context: FailureContext, detail: string) => string;
}

const THROTTLED: Rule = {
  code: "Throttled",
  class: "throttled",
  sentence: ({ stream }, detail) =>
    `Kinesis throttles stream ${stream} (${detail}): sent slower and again; add shards or use on-demand mode if it lasts`,
};
const KMS_THROTTLED: Rule = {
  ...THROTTLED,
  sentence: ({ stream }, detail) =>
    `KMS throttles the key of stream ${stream} (${detail}): sent slower and again; raise the KMS request quota if it lasts`,
};
const SERVICE: Rule = {
  code: "ServiceFailure",
  class: "transient",
  sentence: ({ endpoint }, detail) => `${endpoint} failed (${detail}): tried again`,
};
const NOT_FOUND: Rule = {
  code: "StreamNotFound",
  class: "notReady",
  sentence: ({ stream, endpoint }) =>
    `Stream ${stream} does not exist (${endpoint}): create it, or correct awsKinesisStreamName or awsRegion`,
};
const NOT_ACTIVE: Rule = {
  code: "StreamNotActive",
  class: "notReady",
  sentence: ({ stream }) => `Stream ${stream} is not active: wait until it is, or create it again`,
};
const DENIED: Rule = {
  code: "AccessDenied",
  class: "notReady",
  sentence: ({ stream, action }, detail) =>
    `Access to stream ${stream} is denied (${detail}): grant ${action} to the identity of the worker`,
};
const BAD_CREDENTIALS: Rule = {
  code: "InvalidCredentials",
  class: "notReady",
  sentence: (_, detail) => `AWS refuses the credentials (${detail}): correct awsCredentialPluginParam or the identity`,
};
const EXPIRED: Rule = {
  code: "ExpiredCredentials",
  class: "notReady",
  sentence: (_, detail) => `The AWS credentials have expired (${detail}): renew them`,
};
const CLOCK: Rule = {
  code: "InvalidCredentials",
  class: "notReady",
  sentence: (_, detail) => `AWS refuses the time of the signature (${detail}): set the clock of the node`,
};
const KMS: Rule = {
  code: "KmsFailed",
  class: "notReady",
  sentence: ({ stream }, detail) =>
    `The KMS key of stream ${stream} cannot be used (${detail}): enable the key and grant kms:GenerateDataKey on it`,
};
const INVALID: Rule = {
  code: "RequestRejected",
  class: "invalid",
  sentence: ({ stream, action }, detail) => `Kinesis rejects the content of ${action} for stream ${stream} (${detail})`,
};
const REJECTED: Rule = {
  code: "RequestRejected",
  class: "notReady",
  sentence: ({ action, endpoint }, detail) =>
    `${endpoint} rejects ${action} (${detail}): check awsEndpoint, awsRegion and the endpoint's support for it`,
};

/** Error names of the service, of AWS's front ends and of KMS behind it (Kinesis API reference, "Common Error Types"). */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...names(
    THROTTLED,
    "ProvisionedThroughputExceededException LimitExceededException ThrottlingException Throttling ThrottledException",
    "RequestLimitExceeded RequestThrottled RequestThrottledException TooManyRequestsException BandwidthLimitExceeded",
  ),
  ...names(KMS_THROTTLED, "KMSThrottlingException"),
  ...names(
    SERVICE,
    "InternalFailure InternalFailureException InternalServerError InternalServerException InternalServiceError",
    "InternalError ServiceUnavailable ServiceUnavailableException",
  ),
  ...names(NOT_FOUND, "ResourceNotFoundException"),
  ...names(NOT_ACTIVE, "ResourceInUseException"),
  ...names(DENIED, "AccessDeniedException AccessDenied NotAuthorized UnauthorizedOperation OptInRequired"),
  ...names(
    BAD_CREDENTIALS,
    "UnrecognizedClientException InvalidClientTokenId InvalidSignatureException SignatureDoesNotMatch AuthFailure",
    "IncompleteSignature IncompleteSignatureException MissingAuthenticationToken MissingAuthenticationTokenException",
    "InvalidAccessKeyId MissingAuthenticationTokenError",
  ),
  ...names(EXPIRED, "ExpiredToken ExpiredTokenException TokenRefreshRequired"),
  ...names(CLOCK, "RequestExpired RequestTimeTooSkewed RequestInTheFuture"),
  ...names(
    KMS,
    "KMSAccessDeniedException KMSDisabledException KMSInvalidStateException KMSNotFoundException KMSOptInRequired",
  ),
  ...names(INVALID, "InvalidArgumentException ValidationException"),
]);

function names(rule: Rule, ...lists: string[]): [string, Rule][] {
  return lists.flatMap((list) => list.split(" ").map((name): [string, Rule] => [name, rule]));
}

function failure(rule: Rule, context: FailureContext, detail: string, ambiguous: boolean): SinkFailure {
  return { code: rule.code, class: rule.class, message: rule.sentence(context, detail), ambiguous };
}

/**
 * The name of an error as the other side gives it. An endpoint that is not AWS may write anything there, what was sent to it
 * among it: a session token is no name.
 */
export function errorName(given: unknown): string {
  return typeof given === "string" && /^[A-Za-z][A-Za-z0-9._]{0,79}$/.test(given) ? given : "an error without a name";
}

/** One record of an answered request: unknown codes are retried, and the service did not take the record. */
export function classifyRecordError(code: string, context: FailureContext): SinkFailure {
  return failure(
    code === "ProvisionedThroughputExceededException" ? THROTTLED : SERVICE,
    context,
    errorName(code),
    false,
  );
}

/**
 * A request without an answer of its own for each record: what the SDK or the network threw.
 * Ambiguous when the request may have reached the service and was not refused by it.
 */
export function classifyRequestError(error: unknown, context: FailureContext): SinkFailure {
  if (error instanceof SinkError) return error;
  if (error instanceof AnswerTooLargeError) return ambiguousAnswer(context, error.message);
  const thrown = asThrown(error);
  const status = thrown.$metadata?.httpStatusCode ?? thrown.$response?.statusCode;
  if (status !== undefined) return classifyAnswer(thrown, status, context);
  return classifyTransport(thrown, context);
}

interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly $fault?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number };
}

function asThrown(error: unknown): Thrown {
  // Node's, when a host has several addresses: what each of them answered to the connect.
  if (error instanceof AggregateError && error.errors.length > 0) return asThrown(error.errors[0]);
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message } = error as { readonly name: unknown; readonly message: unknown };
  // The SDK takes both from the answer, whatever they are there.
  const isSound = typeof name === "string" && typeof message === "string";
  return isSound ? error : { ...error, name: typeof name === "string" ? name : "Error", message: "" };
}

function classifyAnswer(thrown: Thrown, status: number, context: FailureContext): SinkFailure {
  const rule = RULES.get(thrown.name);
  // A service may speak of a signature when the clock is wrong: its text tells which.
  if (rule === BAD_CREDENTIALS && /expired|not yet current/i.test(thrown.message)) {
    return failure(CLOCK, context, thrown.name, false);
  }
  if (rule !== undefined) return failure(rule, context, thrown.name, rule === SERVICE);
  if (status < 300) return ambiguousAnswer(context, "it is not what PutRecords answers");
  if (status >= 500) return failure(SERVICE, context, `HTTP ${status}`, true);
  if (status === 429) return failure(THROTTLED, context, "HTTP 429", false);
  const name = thrown.$fault === undefined ? `HTTP ${status}` : `${errorName(thrown.name)}, HTTP ${status}`;
  if (thrown.name.startsWith("KMS")) return failure(KMS, context, name, false);
  return failure(status === 403 ? DENIED : REJECTED, context, name, false);
}

const CERTIFICATE_CODES =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)/;
const HANDSHAKE_TEXT = /wrong version number|handshake|unsupported protocol|packet length too long|before secure TLS/i;

function classifyTransport(thrown: Thrown, context: FailureContext): SinkFailure {
  const { endpoint } = context;
  const code = errorName(typeof thrown.code === "string" ? thrown.code : thrown.name);
  const untrusted = trustFailure(thrown, code);
  if (untrusted !== null) return untrusted;
  if (CERTIFICATE_CODES.test(code)) {
    return {
      code: "TlsFailed",
      class: "notReady",
      message: `The certificate of ${endpoint} is not trusted (${code}): correct awsEndpoint, or name its authority in spec.aws.ca`,
      ambiguous: false,
    };
  }
  if (HANDSHAKE_TEXT.test(thrown.message)) {
    return {
      code: "TlsFailed",
      class: "notReady",
      message: `No TLS connection to ${endpoint} (${code}): check that awsEndpoint and its port speak TLS`,
      ambiguous: false,
    };
  }
  if (code === "CredentialsProviderError" || code === "TokenProviderError") return credentialsMissing();
  // The SDK's handler has no code for it (@smithy/node-http-handler, setConnectionTimeout).
  const unconnected =
    thrown.syscall === "connect" ||
    thrown.syscall === "getaddrinfo" ||
    /did not establish a connection/.test(thrown.message);
  return {
    code: "EndpointUnreachable",
    class: "transient",
    message: unconnected
      ? `No connection to ${endpoint} (${code}): check awsEndpoint, DNS and network policies`
      : `The connection to ${endpoint} broke before the answer (${code}): tried again`,
    ambiguous: !unconnected,
  };
}

/** The authorities of spec.aws.ca cannot be had. Null for all other errors. */
function trustFailure(thrown: Thrown, code: string): SinkFailure | null {
  if (code === "SecretMissing" || code === "SecretKeyMissing") {
    return { code, class: "notReady", message: `spec.aws.ca: ${thrown.message}`, ambiguous: false };
  }
  if (!(thrown instanceof CertificatesError)) return null;
  const message = `${thrown.message}: store those of the authority, each beginning with -----BEGIN CERTIFICATE-----`;
  return { code: "TlsFailed", class: "notReady", message, ambiguous: false };
}

/** @param detail what was in the way */
export function credentialsMissing(detail?: string): SinkFailure {
  return {
    code: "CredentialsMissing",
    class: "notReady",
    message: `No AWS credentials were found by the default chain${detail === undefined ? "" : ` (${detail})`}: give the pod an identity (IRSA, pod identity, instance role) or set awsCredentialPluginParam`,
    ambiguous: false,
  };
}

/** The answer does not say of each record what became of it. */
export function ambiguousAnswer({ endpoint }: FailureContext, detail: string): SinkFailure {
  return {
    code: "AmbiguousAnswer",
    class: "transient",
    message: `The answer of ${endpoint} cannot be used (${detail}): the records are sent again`,
    ambiguous: true,
  };
}

/** The deadline passed, or the caller aborted, after the request was handed to the network. */
export function unanswered({ endpoint }: FailureContext, afterMs: number | null): SinkFailure {
  const why = afterMs === null ? "was aborted before its answer" : `was not answered within ${afterMs} ms`;
  return {
    code: "RequestTimeout",
    class: "transient",
    message: `A request to ${endpoint} ${why}: tried again; raise requestTimeout if it lasts`,
    ambiguous: true,
  };
}

/** The request never left this program. */
export function unsent({ endpoint }: FailureContext): SinkFailure {
  return {
    code: "RequestTimeout",
    class: "transient",
    message: `A request to ${endpoint} was aborted before it was sent`,
    ambiguous: false,
  };
}
