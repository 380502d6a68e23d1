import { KinesisClient } from "@aws-sdk/client-kinesis";
import type { AwsCredentialIdentity } from "@smithy/types";
import type { Clock } from "../../runtime/clock.ts";
import { createBodyMemory } from "./body-memory.ts";
import type { Credentials } from "./credentials.ts";
import { describeStream, listAllShards, regionOfArn, streamName } from "./describe.ts";
import { type Endpoint, EndpointError, resolveEndpoint } from "./endpoint.ts";
import { classifyRequestError, type FailureContext, unanswered, unsent } from "./errors.ts";
import { exchange } from "./exchange.ts";
import { KinesisProtocol } from "./protocol.ts";
import { putRecords } from "./put-records.ts";
import { createRequestHandler } from "./request-handler.ts";
import { createSemaphore } from "./semaphore.ts";
import type { Sink, SinkFailure } from "./sink.ts";
import { SinkError } from "./sink.ts";

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
  readonly userAgent: { readonly name: string; readonly version: string };
  readonly clock: Clock;
}

/** Connecting ends this long before the deadline: what was never connected is then known not to have been sent. */
const CONNECT_MARGIN_MS = 250;
/** Of a short deadline the margin takes no more than this share. */
const CONNECT_MARGIN_SHARE = 1 / 4;
/** A request that waited longer than this for a socket and credentials may not be wanted any more. */
const RECHECK_AFTER_MS = 250;

/** A sink on one Kinesis data stream. Retries nothing: that is the pipelines' part. Never throws. */
export function createKinesisSink(options: KinesisSinkOptions): Sink {
  try {
    const { endpoint: host, endpointPort: port, stream } = options;
    const region = options.region ?? regionOfArn(stream);
    return openSink(options, resolveEndpoint({ host, port, region, property: "awsEndpoint" }));
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

function openSink(options: KinesisSinkOptions, endpoint: Endpoint): Sink {
  const { credentials, clock, requestTimeout: timeoutMs } = options;
  const client = createClient(options, endpoint);
  const stream = streamName(options.stream);
  const semaphore = createSemaphore(options.maxConnections);
  const memory = createBodyMemory();
  const contextOf = (operation: string): FailureContext => ({
    stream: options.stream,
    endpoint: endpoint.url ?? `Kinesis in ${endpoint.region}`,
    action: `kinesis:${operation}`,
  });

  /** One call within a socket, with valid credentials and a deadline. Never rejects. */
  const call = async <T>(
    operation: string,
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
    recheck: () => void = () => undefined,
  ): Promise<T | SinkFailure> => {
    const context = contextOf(operation);
    const since = clock.now();
    if (!(await semaphore.acquire(signal))) return unsent(context);
    try {
      const identity = await exchange(() => credentials.resolve(), { timeoutMs, signal, clock });
      if (identity.kind === "threw") return classifyRequestError(identity.error, context);
      if (identity.kind === "aborted") return unsent(context);
      if (identity.kind === "expired") return slowCredentials(timeoutMs);
      if (clock.now() - since > RECHECK_AFTER_MS) recheck();
      if (signal.aborted) return unsent(context);
      const answer = await exchange(request, { timeoutMs, signal, clock });
      switch (answer.kind) {
        case "answered":
          return answer.value;
        case "threw":
          return refused(classifyRequestError(answer.error, context), credentials, identity.value);
        case "expired":
          return unanswered(context, timeoutMs);
        case "aborted":
          return unanswered(context, null);
      }
    } finally {
      semaphore.release();
    }
  };

  return {
    async put(records, signal, recheck) {
      const context = contextOf("PutRecords");
      const send = (abort: AbortSignal) => putRecords(client, stream, records, memory, context, abort);
      const outcome = await call("PutRecords", signal, send, recheck);
      return "kind" in outcome ? outcome : { kind: "failed", failure: outcome };
    },
    async describe(signal) {
      return orThrow(await call("DescribeStreamSummary", signal, (abort) => describeStream(client, stream, abort)));
    },
    async listShards(signal) {
      return orThrow(await call("ListShards", signal, (abort) => listAllShards(client, stream, abort)));
    },
    close() {
      client.destroy();
    },
  };
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
