/**
 * What the pipelines know of Pulsar: assignments of topic-partitions, deliveries of messages, acknowledgements.
 * Implemented by `wire/` (our own consumer of the binary protocol) and by `native` (pulsar-client).
 */

import { printable } from "../../runtime/foreign-text.ts";

/** How the subscription shares its topics: ordered pipelines use Failover, unordered ones Shared. */
export type SubscriptionType = "Exclusive" | "Failover" | "Shared";

/**
 * The lease of an owner: it writes, and keeps requests open, until so long after it sent the last request that was answered on
 * the consumer's own connection. Milliseconds.
 */
export const LEASE_MS = 4_000;

/**
 * One activation of one topic-partition on one subscription. It ends for good when the consumer is closed, loses its
 * connection, or another consumer becomes the active one; the next activation is a new assignment.
 */
export interface Assignment {
  /** Full name as clients report it, for example `persistent://public/default/orders-partition-3`. */
  readonly topic: string;
  /** Greater than that of every earlier assignment of the same source. */
  readonly epoch: number;
  /** Where its topic was migrated to: ids of messages mean the same within one cluster only. Absent: it was not. */
  readonly cluster?: string | undefined;
  /** False, for good, once nothing of this assignment may be written or acknowledged any more. */
  readonly active: boolean;
  /**
   * `Clock.now()` at which the last request was sent that its broker has answered since, on the consumer's own connection:
   * at that time the topic-partition was this worker's. Stands still once the assignment has ended.
   */
  readonly answeredAt: number;
}

/** The encryption metadata of an entry that arrived encrypted and was not decrypted. */
export interface EncryptionContext {
  /** In wire order; `key` is the encrypted data key. */
  readonly keys: readonly EncryptionKey[];
  readonly param: Uint8Array;
  /** Null where the producer did not name it; Java's never does. */
  readonly algorithm: string | null;
  /** Null when unknown. */
  readonly compressionType: CompressionType | null;
  /** Bytes; null when unknown. */
  readonly uncompressedMessageSize: number | null;
  /** Null for an entry that is not a batch. */
  readonly batchSize: number | null;
}

export interface EncryptionKey {
  readonly name: string;
  readonly key: Uint8Array;
  readonly metadata: ReadonlyMap<string, string>;
}

export type CompressionType = "NONE" | "LZ4" | "ZLIB" | "ZSTD" | "SNAPPY";

/** What all messages of one entry share. */
export interface Entry {
  /** Epoch milliseconds. */
  readonly publishTime: number;
  readonly producerName: string;
  /** As on the wire (8 bytes big-endian, or opaque); null when the entry was written without a schema. */
  readonly schemaVersion: Uint8Array | null;
  readonly encryption: EncryptionContext | null;
  /** Set when the entry cannot be read; it then holds one message with the raw bytes as payload, and is poison. */
  readonly defect: Defect | null;
}

/** Why an entry cannot be read. */
export interface Defect {
  /**
   * CorruptEntry: checksum, size, compression or batch framing. EncryptionKeyMissing: none of the private keys that
   * would do is there. DecryptionFailed: there is one, and it does not do.
   */
  readonly code: "CorruptEntry" | "EncryptionKeyMissing" | "DecryptionFailed";
  /** What is wrong, without a capital or a full stop. Decryption: and what to do. */
  readonly message: string;
}

export interface Message {
  readonly entry: Entry;
  /** The message id as Pulsar's tools print it: `ledger:entry:partition` or `ledger:entry:partition:batchIndex`. */
  readonly id: string;
  /** Uncompressed; empty for a tombstone; still encrypted when `entry.encryption` is set. */
  readonly payload: Uint8Array;
  /** Bytes of the payload, known without a view of it. */
  readonly payloadBytes: number;
  /** As on the wire, so base64 text when `keyIsBase64`; null when not set. May be empty. */
  readonly key: string | null;
  readonly keyIsBase64: boolean;
  readonly orderingKey: Uint8Array | null;
  /** A name that occurs twice has its last value. */
  readonly properties: ReadonlyMap<string, string>;
  /** Epoch milliseconds, to the last digit: a number up to 2^53, beyond it a bigint up to 2^64. Null when unset or 0. */
  readonly eventTime: number | bigint | null;
  /** A tombstone: the producer sent a null value. */
  readonly isNull: boolean;
}

/**
 * The messages of one entry or of a part of a large one (wire), or of one batch receive of one topic-partition (native), in
 * order. They travel and are acknowledged together. Messages that the broker or the source drops are not among them; at least one is.
 */
export interface Delivery {
  readonly assignment: Assignment;
  readonly messages: readonly Message[];
  /** Bytes of memory kept alive by this delivery, socket buffers included. */
  readonly retainedBytes: number;
  /**
   * More messages of its entry follow in further deliveries: it acknowledges nothing of the entry, which goes with the last
   * one in order, and else once all are done. Absent: it is whole, or the last one.
   */
  readonly continues?: boolean;
  /** How often the broker sent it before, as far as it tells. */
  readonly redeliveryCount: number;
  /**
   * The number of its messages that were set aside, or wait for their dead letter to be confirmed, changed by so many: of an
   * entry with many of these no more messages are handed on.
   */
  setAside?(change: number): void;
  /**
   * Called at most once, when the pipeline has taken the messages over one by one: `messages` is empty from then on, so
   * that what is done is free before the rest is. Sources without it keep them all to the end.
   */
  letGo?(): void;
  /**
   * Called at most once, when its messages are done and nobody reads them any more: their memory is used again, and to
   * read them throws. Sources without it leave their memory to the collector.
   */
  release?(): void;
}

/** The memory that received messages may take. Implemented by the pipeline; the source asks before it grants permits. */
export interface ReceiveBudget {
  /** Bytes, when nothing is taken. */
  readonly total: number;
  /** Bytes; negative after a delivery that was larger than expected. */
  readonly free: number;
  /** Bytes that those may take together which do not move steadily; may be negative. */
  readonly untriedRoom: number;
  /** What the assignment takes; always the same one. */
  shareOf(assignment: Assignment): BudgetShare;
  /** `listener` runs after bytes were given back. One listener at most. */
  onRelease(listener: () => void): void;
}

/** What one assignment takes of the budget. */
export interface BudgetShare {
  /** Bytes. */
  readonly held: number;
  /** Bytes of `held` whose rest only the broker can send; the source sets it. Asking for more does not depend on them. */
  unfinished: number;
  /** Bytes that it may hold and ask for. Beyond, one entry at a time, in turn with others. */
  readonly part: number;
  /** Something of it is done all the time, so that what is asked for will not stay for long. */
  readonly isMoving: boolean;
  /** Grows when something of it is done or set aside. */
  readonly progress: number;
  /** It was given up for a while since it was stuck, and nothing of it was done since: others go first. */
  readonly isOnTrial: boolean;
  /** It holds something of which nothing was done for so long that it is to be sent nothing more. */
  readonly isStuck: boolean;
  /** The source accounts for a delivery before it hands it on. Negative: gives back without a word to the listener. */
  take(bytes: number): void;
}

/** The pipeline's side. Every call is synchronous and must not throw. */
export interface SourceHandler {
  /** A topic-partition became this worker's. Its deliveries follow; with Failover only once it is active. */
  assigned(assignment: Assignment): void;
  /** In order within an assignment. */
  deliver(delivery: Delivery): void;
  /** `assignment.active` is false already: withdraw what is queued, send nothing new. */
  revoked(assignment: Assignment): void;
}

/** Why a source is not usable. Stable codes; they become reasons of status conditions. */
export type SourceFailureCode =
  | "BrokerUnreachable"
  | "TlsFailed"
  | "AuthenticationFailed"
  | "AuthorizationFailed"
  | "TopicNotFound"
  | "NamespaceNotFound"
  | "InvalidTopic"
  | "TopicMigrated"
  | "SubscriptionBusy"
  | "SubscriptionNotFound"
  | "IncompatibleSchema"
  | "BrokerNotReady"
  | "MemoryExhausted"
  | "SecretMissing"
  | "SecretKeyMissing"
  | "ClientMissing"
  | "AdminUrlMissing"
  | "MemoryLimitTooLow"
  | "ProtocolError";

export interface SourceFailure {
  readonly code: SourceFailureCode;
  /** One sentence: what failed, and what to do. No secrets. */
  readonly message: string;
}

/** A snapshot, cheap enough to be taken every second. */
export interface SourceState {
  /** True when every topic-partition is subscribed, or (Failover) waits as a standby. */
  readonly connected: boolean;
  /** The oldest unresolved failure; null when connected or still starting. */
  readonly failure: SourceFailure | null;
  /** Topic-partitions subscribed. */
  readonly partitions: number;
  /** Of these, those for which this worker is the active consumer (Shared: all). */
  readonly activePartitions: number;
  /** Names of the active ones. */
  readonly activeTopics: readonly string[];
  /** Topic-partitions that were terminated and read to the end. */
  readonly endedPartitions: number;
  /** Chunked messages that were given up, since their rest did not come. Absent: not known. */
  readonly givenUpMessages?: number;
  /**
   * One of the topic-partitions of which so many messages are not acknowledged that no more are asked for, as a broker would
   * not send them; null when there is none. Absent: not known.
   */
  readonly fullTopic?: string | null;
}

/** A schema as the broker stores it. */
export interface SchemaInfo {
  /** Pulsar's names: `STRING`, `JSON`, `AVRO`, `KEY_VALUE`, `PROTOBUF_NATIVE`, … */
  readonly type: string;
  readonly data: Uint8Array;
  readonly properties: ReadonlyMap<string, string>;
}

export interface SchemaRegistry {
  /**
   * The schema that `version` of `topic` (its `-partition-N` suffix is ignored) names; `null` version: the topic's latest.
   * Null when the topic has no such schema. At once where it is at hand, and then the same object as long as it is the same
   * schema; what a version names is looked at again about every minute.
   * @throws (rejects with) SourceError when the broker cannot be asked now; ask again.
   */
  schema(topic: string, version: Uint8Array | null): SchemaInfo | null | Promise<SchemaInfo | null>;
}

/** A message that a pipeline gives up on, with the reason in properties added by the pipeline. */
export interface DeadLetter {
  readonly message: Message;
  readonly topic: string;
  /** Added to the message's own properties. */
  readonly reason: ReadonlyMap<string, string>;
}

export interface Source {
  readonly client: "Wire" | "Native";
  readonly schemas: SchemaRegistry;
  /** Subscribes in the background and keeps trying until `close`; failures show in `state()`. */
  start(handler: SourceHandler): void;
  state(): SourceState;
  /**
   * Every message of these deliveries is done. Acknowledges whole entries, grouped. Shared subscriptions only.
   * Deliveries of an ended assignment are left out silently: the broker sends them again.
   */
  acknowledge(deliveries: readonly Delivery[]): void;
  /** Everything of the assignment up to and including `delivery` is done. Exclusive and Failover only. */
  acknowledgeThrough(delivery: Delivery): void;
  /** The delivery with these messages alone: acknowledged as the given one, without keeping its memory alive. */
  shrink(delivery: Delivery, messages: readonly Message[]): Delivery;
  /**
   * Ends the assignment and subscribes again after `delayMs`, so that everything unacknowledged comes again in order.
   * `revoked` is called before this returns.
   */
  rewind(assignment: Assignment, delayMs: number): void;
  /** Grants no more permits and hands on no more deliveries; acknowledgements still work. */
  stop(): void;
  /** Resolves when every acknowledgement made so far was confirmed by its broker, or its assignment ended. */
  flush(signal: AbortSignal): Promise<void>;
  /** Publishes to the dead-letter topic; resolves on the broker's receipt. @throws SourceError: try again. */
  publish(topic: string, deadLetter: DeadLetter): Promise<void>;
  /** Closes consumers, then connections. Idempotent; resolves within a few seconds even when the broker is silent. */
  close(): Promise<void>;
}

/** Thrown where a single call fails; long-lived failures show in `Source.state()`. Its message is fit for a terminal. */
export class SourceError extends Error implements SourceFailure {
  override readonly name = "SourceError";
  readonly code: SourceFailureCode;
  constructor(code: SourceFailureCode, message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.code = code;
  }
}
