import type { NativeEncryptionContext, NativeMessage, NativeMessageId } from "./native-client.ts";
import type { CompressionType, EncryptionContext, Entry, Message } from "./source.ts";

export interface ReceivedMessage extends Message {
  readonly nativeId: NativeMessageId;
}

/** A message of pulsar-client with each accessor read once, since each costs a call into the native library. */
export function readNativeMessage(message: NativeMessage): ReceivedMessage {
  const nativeId = message.getMessageId();
  const key = message.getPartitionKey();
  const orderingKey = message.getOrderingKey();
  const eventTime = message.getEventTimestamp();
  const entry: Entry = {
    publishTime: message.getPublishTimestamp(),
    producerName: message.getProducerName(),
    // pulsar-client tells neither the version, nor a tombstone from an empty payload, nor base64 keys.
    schemaVersion: null,
    encryption: encryptionOf(message.getEncryptionContext()),
    defect: null,
  };
  return {
    entry,
    nativeId,
    id: messageId(nativeId.toString()),
    payload: message.getData(),
    key: key === "" ? null : key,
    keyIsBase64: false,
    orderingKey: orderingKey === "" ? null : Buffer.from(orderingKey),
    properties: new Map(Object.entries(message.getProperties())),
    eventTime: eventTime > 0 ? eventTime : null,
    isNull: false,
  };
}

/** pulsar-client writes `(ledger,entry,partition,batchIndex)`, with a batch index of -1 outside batches. */
function messageId(text: string): string {
  const [ledger, entry, partition, batchIndex = "-1"] = text.replace(/[()\s]/g, "").split(",");
  const id = `${ledger}:${entry}:${partition}`;
  return batchIndex === "-1" ? id : `${id}:${batchIndex}`;
}

const COMPRESSION_TYPES: Readonly<Record<string, CompressionType>> = {
  None: "NONE",
  Zlib: "ZLIB",
  LZ4: "LZ4",
  ZSTD: "ZSTD",
  SNAPPY: "SNAPPY",
};

function encryptionOf(context: NativeEncryptionContext | null): EncryptionContext | null {
  if (context === null || !context.isDecryptionFailed) return null;
  return {
    keys: context.keys.map(({ key, value, metadata }) => ({
      name: key,
      key: value,
      metadata: new Map(Object.entries(metadata)),
    })),
    param: context.param,
    algorithm: context.algorithm,
    compressionType: COMPRESSION_TYPES[context.compressionType] ?? null,
    uncompressedMessageSize: context.uncompressedMessageSize,
    batchSize: context.batchSize > 0 ? context.batchSize : null,
  };
}
