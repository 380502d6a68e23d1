import { errorText } from "../../../runtime/error-text.ts";
import type { ForeignText } from "../../../runtime/foreign-text.ts";
import { ServerError } from "../protocol/commands.ts";
import { SourceError, type SourceFailure, type SourceFailureCode } from "../source.ts";

/** A failure that lasts. */
export interface Failure extends SourceFailure {
  /** `Clock.now()` of its first occurrence. */
  readonly since: number;
}

/** The failure that lasts longest. */
export function oldest(failures: Iterable<Failure>): Failure | null {
  let first: Failure | null = null;
  for (const failure of failures) if (first === null || failure.since < first.since) first = failure;
  return first;
}

/** An error that the broker answered, with its number from PulsarApi.proto. */
export class BrokerError extends SourceError {
  readonly serverError: number;
  constructor(code: SourceFailureCode, serverError: number, message: string) {
    super(code, message);
    this.serverError = serverError;
  }
}

/** Where a broker says that something goes on. */
export interface Redirection {
  /** Another broker of the cluster has the topic, or another cluster. */
  readonly kind: "moved" | "migrated";
  /** As the broker wrote them. */
  readonly serviceUrl: string | undefined;
  readonly serviceUrlTls: string | undefined;
}

/** A consumer or a producer was closed, since its topic goes on elsewhere. */
export class RedirectedError extends SourceError {
  readonly redirection: Redirection;
  constructor(message: string, redirection: Redirection) {
    super("BrokerNotReady", message);
    this.redirection = redirection;
  }
}

interface Meaning {
  readonly code: SourceFailureCode;
  readonly remedy: string;
}

const RETRIED = "it is tried again";

const MEANINGS: Readonly<Record<number, Meaning>> = {
  [ServerError.AuthenticationError]: { code: "AuthenticationFailed", remedy: "check spec.pulsar.auth" },
  [ServerError.AuthorizationError]: {
    code: "AuthorizationFailed",
    remedy: "grant the role of these credentials the permission",
  },
  [ServerError.TopicNotFound]: { code: "TopicNotFound", remedy: "create the topic, or correct its name" },
  [ServerError.SubscriptionNotFound]: {
    code: "SubscriptionNotFound",
    remedy: "create the subscription, or allow the broker to create it",
  },
  [ServerError.InvalidTopicName]: { code: "InvalidTopic", remedy: "correct the topic's name" },
  [ServerError.IncompatibleSchema]: {
    code: "IncompatibleSchema",
    remedy: "relax the namespace's schema validation for consumers without a schema",
  },
  [ServerError.ConsumerBusy]: {
    code: "SubscriptionBusy",
    remedy: "stop the other consumers of this subscription, or choose another subscription name",
  },
  [ServerError.NotAllowedError]: { code: "InvalidTopic", remedy: "check what the broker allows for this topic" },
  [ServerError.UnsupportedVersionError]: { code: "ProtocolError", remedy: "use Pulsar 2.10 or newer" },
};

/** What the broker refused, as a sentence. Its own message follows, since it names the reason best. */
export type Refusal = (what: string, error: number | undefined, message: string | undefined) => BrokerError;

/** @param foreign knows the credentials that a broker may repeat */
export function createRefusal(foreign: ForeignText): Refusal {
  return (what, error, message) => {
    const number = error ?? ServerError.UnknownError;
    const text = foreign.clean(message ?? "");
    const meaning = meaningOf(number, text);
    const detail = text === "" ? `error ${number}` : text;
    return new BrokerError(meaning.code, number, `${what}: the broker answered "${detail}"; ${meaning.remedy}`);
  };
}

function meaningOf(error: number, text: string): Meaning {
  if (/namespace.{0,200}(not found|does not exist|not exist)|tenant.{0,100}(not found|does not exist)/i.test(text)) {
    return { code: "NamespaceNotFound", remedy: "create the tenant and namespace, or correct the topic's name" };
  }
  // Some brokers report these under a number that says less than the text.
  if (/topic.{0,200}(not found|does not exist)/i.test(text)) {
    return { code: "TopicNotFound", remedy: "create the topic, or correct its name" };
  }
  // "the broker do not have NAME listener"
  if (/do(es)? not have .{1,128} listener/i.test(text))
    return { code: "BrokerNotReady", remedy: "correct spec.pulsar.listenerName" };
  return MEANINGS[error] ?? { code: "BrokerNotReady", remedy: RETRIED };
}

/** Failures that only a person mends are tried again slowly. */
export function isSlow(error: SourceError): boolean {
  return error.code !== "BrokerNotReady" && error.code !== "BrokerUnreachable" && error.code !== "MemoryExhausted";
}

const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_|CRL_|EPROTO)/;

/** What went wrong between here and `address`, from an error of the socket. */
export function networkError(address: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  if (TLS_CODES.test(code)) {
    return new SourceError(
      "TlsFailed",
      `TLS with ${address} failed (${code}): check spec.pulsar.tls, the certificates' authority, names and dates`,
    );
  }
  const reason = code === "" ? errorText(error) : code;
  return new SourceError(
    "BrokerUnreachable",
    `cannot reach ${address} (${reason}): check spec.pulsar.serviceUrl and the network`,
  );
}

/** Any error as one that state() can show. */
export function asSourceError(error: unknown, what: string): SourceError {
  if (error instanceof SourceError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "SecretMissing" || code === "SecretKeyMissing") return new SourceError(code, String(message));
  return new SourceError("ProtocolError", `${what}: ${String(message ?? error)}`);
}
