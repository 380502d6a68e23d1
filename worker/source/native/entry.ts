import { messageId } from "../protocol/commands.ts";
import type { CompressionType, Defect, EncryptionContext, Entry } from "../source.ts";
import type {
  NativeConsumer,
  NativeEncryptionContext,
  NativeMessage,
  NativeMessageId,
  NativeModule,
} from "./client.ts";

/** Where a message lies, as its id says. */
export interface Position {
  readonly ledger: number;
  readonly entry: number;
  /** -1 for a topic without partitions. */
  readonly partition: number;
  /** -1 outside batches. */
  readonly batchIndex: number;
}

/** One entry as pulsar-client's messages show it, with how much of it has come and how much is done. */
export class NativeEntry implements Entry {
  readonly position: Position;
  readonly publishTime: number;
  readonly producerName: string;
  readonly encryption: EncryptionContext | null;
  defect: Defect | null = null;
  /** Set before the entry's delivery where it can be known: pulsar-client does not tell it. */
  schemaVersion: Uint8Array | null = null;
  /** Set with the schema version: a separated key of a KEY_VALUE schema travels as base64. */
  keysAreBase64 = false;
  /** Messages that have come. */
  received = 0;
  /** Of these, messages that may be acknowledged. */
  done = 0;
  /** All its messages have come. */
  complete = false;
  /** Of its last message, which has this index; -1 outside batches. */
  id: NativeMessageId;
  last = -1;
  #acknowledged = false;

  constructor(message: NativeMessage, id: NativeMessageId, position: Position) {
    this.position = position;
    this.id = id;
    this.publishTime = message.getPublishTimestamp();
    this.producerName = message.getProducerName();
    this.encryption = encryptionOf(message.getEncryptionContext());
  }

  /** Whether a message there is a later one of this entry. */
  precedes({ ledger, entry, batchIndex }: Position): boolean {
    return this.position.entry === entry && this.position.ledger === ledger && batchIndex > this.last;
  }

  add(id: NativeMessageId, { batchIndex }: Position): void {
    this.received += 1;
    this.last = batchIndex;
    this.id = id;
  }

  /** The id that acknowledges the whole entry, once: when all its messages have come and are done. Null until then. */
  acknowledgement(module: Pick<NativeModule, "MessageId">): NativeMessageId | null {
    if (!this.complete || this.done < this.received || this.#acknowledged) return null;
    this.#acknowledged = true;
    const { ledger, entry, partition, batchIndex } = this.position;
    if (batchIndex < 0) return this.id;
    // With the batch index left out, one acknowledgement does for all messages of the batch.
    const place = partition < 0 ? { ledger, entry } : { ledger, entry, partition };
    return module.MessageId.deserialize(messageId.encode(place));
  }
}

/** Acknowledges entries that are done; what fails comes again with the next subscription. */
export function acknowledgeEntry(
  entry: NativeEntry,
  module: Pick<NativeModule, "MessageId">,
  consumer: NativeConsumer,
): Promise<void> | null {
  const id = entry.acknowledgement(module);
  if (id === null) return null;
  return consumer.acknowledgeId(id).then(
    () => undefined,
    () => undefined,
  );
}

/** Reads `(ledger,entry,partition,batchIndex)`; a chunked message is acknowledged and named by its last chunk. */
export function positionOf(id: NativeMessageId): Position {
  const text = id.toString();
  const numbers = text.slice(text.lastIndexOf("(") + 1, -1).split(",");
  return {
    ledger: Number(numbers[0]),
    entry: Number(numbers[1]),
    partition: Number(numbers[2]),
    batchIndex: Number(numbers[3]),
  };
}

const COMPRESSION_TYPES: Readonly<Record<string, CompressionType>> = {
  None: "NONE",
  Zlib: "ZLIB",
  LZ4: "LZ4",
  ZSTD: "ZSTD",
  SNAPPY: "SNAPPY",
};

/** Null also for what pulsar-client has decrypted. */
function encryptionOf(context: NativeEncryptionContext | null): EncryptionContext | null {
  if (context === null || !context.isDecryptionFailed) return null;
  return {
    keys: context.keys.map(({ key, value, metadata }) => ({
      name: key,
      key: value,
      metadata: new Map(Object.entries(metadata)),
    })),
    param: context.param,
    algorithm: context.algorithm === "" ? null : context.algorithm,
    compressionType: COMPRESSION_TYPES[context.compressionType] ?? null,
    uncompressedMessageSize: context.uncompressedMessageSize,
    batchSize: context.batchSize > 0 ? context.batchSize : null,
  };
}
