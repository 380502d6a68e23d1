/** What the pipelines know of Kinesis: records in, one outcome per record out. */

export interface KinesisRecord {
  readonly data: Uint8Array;
  /** Set where `data` is made anew each time it is asked for: the way to have it in memory that is used again. */
  readonly made?: MadeData | null;
  /** 1 to 256 characters. */
  readonly partitionKey: string;
  /** Decimal text of a 128-bit hash; overrides the partition key's own hash. */
  readonly explicitHashKey?: string;
}

export interface MadeData {
  /** Bytes. */
  readonly size: number;
  /** Writes it to the beginning of `target`. */
  write(target: Buffer): void;
}

/**
 * - `throttled`: over a shard's or the account's limit; slow down, retry.
 * - `transient`: a fault of the service or the network; retry.
 * - `notReady`: permissions, credentials, missing stream, keys: retry slowly until somebody mends it; never dead-letter.
 * - `invalid`: the service refuses the request's content; bisect to find the poison.
 */
export type FailureClass = "throttled" | "transient" | "notReady" | "invalid";

/** Why the stream is not writable. Stable codes; they become reasons of status conditions. */
export type SinkFailureCode =
  | "Throttled"
  | "EndpointUnreachable"
  | "TlsFailed"
  | "RequestTimeout"
  | "ServiceFailure"
  | "AmbiguousAnswer"
  | "StreamNotFound"
  | "StreamNotActive"
  | "AccessDenied"
  | "InvalidCredentials"
  | "ExpiredCredentials"
  | "CredentialsMissing"
  | "SecretMissing"
  | "SecretKeyMissing"
  | "AssumeRoleFailed"
  | "KmsFailed"
  | "RecordDistributionAuto"
  | "RequestRejected";

export interface SinkFailure {
  readonly code: SinkFailureCode;
  readonly class: FailureClass;
  /** One sentence: what failed, and what to do. No secrets. */
  readonly message: string;
  /** True when the service may have accepted some or all of the records all the same. */
  readonly ambiguous: boolean;
}

export type RecordOutcome =
  | { readonly accepted: true; readonly shardId: string; readonly sequenceNumber: string }
  | { readonly accepted: false; readonly failure: SinkFailure };

/** `failed`: no record of the request has an outcome of its own. */
export type RequestOutcome =
  | { readonly kind: "answered"; readonly records: readonly RecordOutcome[] }
  | { readonly kind: "failed"; readonly failure: SinkFailure };

/** Limits of one PutRecords request, from configuration and the service's own. */
export interface RequestLimits {
  readonly maxRecords: number;
  /** Data plus keys, bytes. */
  readonly maxBytes: number;
  /** Data plus key of one record, bytes (the stream's MaxRecordSizeInKiB). */
  readonly maxRecordBytes: number;
}

export interface StreamDescription {
  readonly name: string;
  readonly arn: string;
  readonly status: string;
  readonly openShards: number;
  readonly mode: "PROVISIONED" | "ON_DEMAND";
  readonly maxRecordBytes: number;
  /** `AUTO`: the service ignores partition and explicit hash keys. */
  readonly recordDistribution: "PARTITION_KEY" | "AUTO";
}

/**
 * A shard. Its id names it as long as the stream lives: a stream that is made anew under its name begins with the same ids.
 * With its first sequence number it is one shard for ever.
 */
export interface Shard {
  readonly shardId: string;
  /** "" when not known. */
  readonly startingSequenceNumber: string;
  /** Of the inclusive hash range, 128-bit. */
  readonly startingHashKey: bigint;
  readonly endingHashKey: bigint;
  readonly parents: readonly string[];
  readonly open: boolean;
}

/** The stream does not exist, or is being made or deleted: what was known of its shards may hold no longer. */
export function isGone({ code }: SinkFailure): boolean {
  return code === "StreamNotFound" || code === "StreamNotActive";
}

export interface Sink {
  /**
   * One PutRecords request. Never rejects: every failure is an outcome. Resolves by the request's own deadline
   * (`requestTimeout`, up to the last byte of the answer), or at once when `signal` aborts (then failed, ambiguous).
   * An answer with another number of records than the request is `failed`, ambiguous.
   * @param mayLeave asked whenever bytes of the request are about to go to its socket: once that is connected, and before
   * each further part of the body. When it answers false they do not, and `signal` has to abort soon. The outcome of a
   * request of which nothing has left by then is not ambiguous.
   */
  put(records: readonly KinesisRecord[], signal: AbortSignal, mayLeave?: () => boolean): Promise<RequestOutcome>;
  /** @throws SinkError */
  describe(signal: AbortSignal): Promise<StreamDescription>;
  /** All shards, closed ones included. @throws SinkError (AccessDenied when ListShards is not granted) */
  listShards(signal: AbortSignal): Promise<readonly Shard[]>;
  close(): void;
}

export class SinkError extends Error implements SinkFailure {
  override readonly name = "SinkError";
  readonly code: SinkFailureCode;
  readonly class: FailureClass;
  readonly ambiguous: boolean;
  constructor(failure: SinkFailure, options?: ErrorOptions) {
    super(failure.message, options);
    this.code = failure.code;
    this.class = failure.class;
    this.ambiguous = failure.ambiguous;
  }
}
