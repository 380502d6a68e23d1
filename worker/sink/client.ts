import { KinesisClient } from "@aws-sdk/client-kinesis";
import type { AwsCredentialIdentity } from "@smithy/types";
import type { Clock } from "../../runtime/clock.ts";
import type { ProxyVariables } from "../../runtime/proxy.ts";
import { createBodyMemory } from "./body-memory.ts";
import type { Credentials } from "./credentials.ts";
import { describeStream, listAllShards, regionOfArn, type StreamName, streamName } from "./describe.ts";
import { type Endpoint, EndpointError, resolveEndpoint } from "./endpoint.ts";
import { classifyRequestError, type FailureContext, unanswered, unsent } from "./errors.ts";
import { exchange } from "./exchange.ts";
import { KinesisProtocol } from "./protocol.ts";
import { putRecords } from "./put-records.ts";
import { createRequestHandler } from "./request-handler.ts";
import { createSemaphore, type Semaphore } from "./semaphore.ts";
import {
  type KinesisRecord,
  type RequestOutcome,
  type Shard,
  type Sink,
  SinkError,
  type SinkFailure,
  type StreamDescription,
} from "./sink.ts";

export interface KinesisSinkOptions {
  /** `awsKinesisStreamName`: a name or an ARN. */
  readonly stream: string;
  readonly region: string | undefined;
  /** A bare host or an http(s) URL. */
  readonly endpoint: string | undefined;
  readonly endpointPort: number | undefined;
  readonly credentials: Credentials;
  /** Sockets, and requests at once. */
  readonly maxConnections: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Milliseconds, from the first byte sent to the last byte received. */
  readonly requestTimeout: number;
  /** Local tests only. */
  readonly skipCertificateValidation: boolean;
  /** None by default. */
  readonly proxy?: ProxyVariables;
  /** Reads authorities that are trusted beside the well-known ones, PEM; asked for each connection. */
  readonly ca?: (() => Promise<Uint8Array>) | undefined;
  readonly userAgent: { readonly name: string; readonly version: string };
  readonly clock: Clock;
}

/** Connecting ends this long before the deadline: what was never connected is then known not to have been sent. */
const CONNECT_MARGIN_MS = 250;
/** Of a short deadline the margin takes no more than this share. */
const CONNECT_MARGIN_SHARE = 1 / 4;

/** A sink on one Kinesis data stream. Retries nothing: that is the pipelines' part. Never throws. */
export function createKinesisSink(options: KinesisSinkOptions): Sink {
  try {
    const { endpoint: host, endpointPort: port, stream } = options;
    const region = options.region ?? regionOfArn(stream);
    return new KinesisStreamSink(options, resolveEndpoint({ host, port, region, property: "awsEndpoint" }));
  } catch (error) {
    if (error instanceof EndpointError) return unusableSink(error.message);
    throw error;
  }
}

/** Its configuration makes no address: every call says so, and somebody has to mend it. */
function unusableSink(message: string): Sink {
  const failure: SinkFailure = { code: "EndpointUnreachable", class: "notReady", message, ambiguous: false };
  const fail = (): Promise<never> => Promise.reject(new SinkError(failure));
  return { put: async () => ({ kind: "failed", failure }), describe: fail, listShards: fail, close: () => undefined };
}

class KinesisStreamSink implements Sink {
  readonly #options: KinesisSinkOptions;
  /** As failures name it. */
  readonly #endpoint: string;
  readonly #stream: StreamName;
  readonly #client: KinesisClient;
  readonly #semaphore: Semaphore;
  readonly #memory = createBodyMemory();

  constructor(options: KinesisSinkOptions, endpoint: Endpoint) {
    this.#options = options;
    this.#endpoint = endpoint.url ?? `Kinesis in ${endpoint.region}`;
    this.#stream = streamName(options.stream);
    this.#client = createClient(options, endpoint);
    this.#semaphore = createSemaphore(options.maxConnections);
  }

  async put(records: readonly KinesisRecord[], signal: AbortSignal, mayLeave?: () => boolean): Promise<RequestOutcome> {
    const context = this.#contextOf("PutRecords");
    let begun = false;
    const leaves = (): boolean => {
      const may = mayLeave?.() ?? true;
      begun ||= may;
      return may;
    };
    const send = (abortSignal: AbortSignal) =>
      putRecords(this.#client, this.#stream, records, this.#memory, context, { abortSignal, mayLeave: leaves });
    const outcome = await this.#call(context, signal, send);
    if ("kind" in outcome) return outcome;
    return { kind: "failed", failure: signal.aborted && !begun ? unsent(context) : outcome };
  }

  async describe(signal: AbortSignal): Promise<StreamDescription> {
    const send = (abort: AbortSignal) => describeStream(this.#client, this.#stream, abort);
    return orThrow(await this.#call(this.#contextOf("DescribeStreamSummary"), signal, send));
  }

  async listShards(signal: AbortSignal): Promise<readonly Shard[]> {
    const send = (abort: AbortSignal) => listAllShards(this.#client, this.#stream, abort);
    return orThrow(await this.#call(this.#contextOf("ListShards"), signal, send));
  }

  close(): void {
    this.#client.destroy();
  }

  #contextOf(operation: string): FailureContext {
    return { stream: this.#options.stream, endpoint: this.#endpoint, action: `kinesis:${operation}` };
  }

  /** One call within a socket, with valid credentials and a deadline. Never rejects. */
  async #call<T>(
    context: FailureContext,
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | SinkFailure> {
    if (!(await this.#semaphore.acquire(signal))) return unsent(context);
    try {
      const identity = await this.#identity(context, signal);
      if ("ambiguous" in identity) return identity;
      if (signal.aborted) return unsent(context);
      return await this.#answer(context, signal, request, identity);
    } finally {
      this.#semaphore.release();
    }
  }

  /** What to sign with. */
  async #identity(context: FailureContext, signal: AbortSignal): Promise<AwsCredentialIdentity | SinkFailure> {
    const { credentials, clock, requestTimeout: timeoutMs } = this.#options;
    const identity = await exchange(() => credentials.resolve(), { timeoutMs, signal, clock });
    switch (identity.kind) {
      case "answered":
        return identity.value;
      case "threw":
        return classifyRequestError(identity.error, context);
      case "expired":
        return slowCredentials(timeoutMs);
      case "aborted":
        return unsent(context);
    }
  }

  async #answer<T>(
    context: FailureContext,
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
    identity: AwsCredentialIdentity,
  ): Promise<T | SinkFailure> {
    const { credentials, clock, requestTimeout: timeoutMs } = this.#options;
    const answer = await exchange(request, { timeoutMs, signal, clock });
    switch (answer.kind) {
      case "answered":
        return answer.value;
      case "threw":
        return refused(classifyRequestError(answer.error, context), credentials, identity);
      case "expired":
        return unanswered(context, timeoutMs);
      case "aborted":
        return unanswered(context, null);
    }
  }
}

function orThrow<T extends object>(outcome: T | SinkFailure): T {
  if ("ambiguous" in outcome) throw new SinkError(outcome);
  return outcome;
}

function refused(failure: SinkFailure, credentials: Credentials, used: AwsCredentialIdentity): SinkFailure {
  if (failure.code === "InvalidCredentials" || failure.code === "ExpiredCredentials") credentials.refresh(used);
  return failure;
}

function slowCredentials(timeoutMs: number): SinkFailure {
  return {
    code: "CredentialsMissing",
    class: "notReady",
    message: `No AWS credentials came within ${timeoutMs} ms: check the pod's identity and the network to STS or the metadata service`,
    ambiguous: false,
  };
}

function createClient(options: KinesisSinkOptions, endpoint: Endpoint): KinesisClient {
  const { credentials, userAgent, maxConnections: maxSockets } = options;
  const connectionTimeout = connectTimeoutMs(options.connectTimeout, options.requestTimeout);
  const client = new KinesisClient({
    region: endpoint.region,
    ...(endpoint.url === undefined ? {} : { endpoint: endpoint.url }),
    // Marked as memoized, or the SDK would keep keys without expiration for ever and miss a rotation.
    credentials: Object.assign(() => credentials.resolve(), { memoized: true }),
    protocol: KinesisProtocol,
    maxAttempts: 1,
    retryMode: "standard",
    defaultsMode: "standard",
    customUserAgent: [[userAgent.name, userAgent.version]],
    requestHandler: createRequestHandler({
      maxSockets,
      connectionTimeout,
      rejectUnauthorized: !options.skipCertificateValidation,
      proxy: options.proxy ?? {},
      ca: options.ca,
    }),
  });
  // It copies every record for a log that nobody reads.
  client.middlewareStack.remove("loggerMiddleware");
  return client;
}

/** How long connecting may take, milliseconds. */
export function connectTimeoutMs(connectTimeout: number, requestTimeout: number): number {
  return Math.min(
    connectTimeout,
    requestTimeout - Math.min(CONNECT_MARGIN_MS, Math.ceil(requestTimeout * CONNECT_MARGIN_SHARE)),
  );
}
