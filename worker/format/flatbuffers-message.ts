/** FULL_MESSAGE_IN_FB: payload, properties and encryption context as a FlatBuffer, laid out by `message.fbs`. */
import { Builder, type Offset } from "flatbuffers";
import type { CompressionType, EncryptionContext, EncryptionKey, Message } from "../source/source.ts";
import { type Format, refuseTooLarge } from "./format.ts";

/** Bytes; a builder that grew further is given up, so that one large message does not keep memory for ever. */
const MAX_RETAINED_BYTES = 1 << 20;
const FIRST_BYTES = 4096;

/** The schema's enum; what it lacks is written as NONE. */
const COMPRESSION: Record<CompressionType, number> = { NONE: 0, LZ4: 1, ZLIB: 2, ZSTD: 0, SNAPPY: 0 };

/** @returns a format that needs no schema; a tombstone has an empty payload */
export function flatbuffersMessageFormat(): Format {
  let builder = new Builder(FIRST_BYTES);
  return {
    prepare: () => undefined,
    encode(message: Message): Uint8Array {
      refuseTooLarge(message.payloadBytes);
      builder.clear();
      builder.finish(addMessage(builder, message));
      const record = builder.dataBuffer();
      const bytes = Buffer.from(record.bytes().subarray(record.position(), record.capacity()));
      if (record.capacity() > MAX_RETAINED_BYTES) builder = new Builder(FIRST_BYTES);
      return bytes;
    },
  };
}

function addMessage(builder: Builder, message: Message): Offset {
  const payload = builder.createByteVector(message.payload);
  const properties = addKeyValues(builder, message.properties);
  const { encryption } = message.entry;
  const context = encryption === null ? 0 : addEncryptionCtx(builder, encryption);
  builder.startObject(3);
  builder.addFieldOffset(2, payload, 0);
  builder.addFieldOffset(1, properties, 0);
  builder.addFieldOffset(0, context, 0);
  return builder.endObject();
}

/** 0, which leaves the field out, when there are none. */
function addKeyValues(builder: Builder, entries: ReadonlyMap<string, string>): Offset {
  if (entries.size === 0) return 0;
  const offsets: Offset[] = [];
  for (const [key, value] of entries) {
    const keyOffset = builder.createString(key);
    const valueOffset = builder.createString(value);
    builder.startObject(2);
    builder.addFieldOffset(0, keyOffset, 0);
    builder.addFieldOffset(1, valueOffset, 0);
    offsets.push(builder.endObject());
  }
  return addOffsets(builder, offsets);
}

function addOffsets(builder: Builder, offsets: readonly Offset[]): Offset {
  builder.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) builder.addOffset(offset);
  return builder.endVector();
}

function addEncryptionKey(builder: Builder, key: EncryptionKey): Offset {
  const name = builder.createString(key.name);
  const value = builder.createByteVector(key.key);
  const metadata = addKeyValues(builder, key.metadata);
  builder.startObject(3);
  builder.addFieldOffset(0, name, 0);
  builder.addFieldOffset(1, value, 0);
  builder.addFieldOffset(2, metadata, 0);
  return builder.endObject();
}

/** A message that was in no batch has batchSize 1, as the Java sink writes it. */
function addEncryptionCtx(builder: Builder, context: EncryptionContext): Offset {
  const keys = addOffsets(
    builder,
    context.keys.map((key) => addEncryptionKey(builder, key)),
  );
  const param = builder.createByteVector(context.param);
  const algorithm = context.algorithm === null ? 0 : builder.createString(context.algorithm);
  builder.startObject(7);
  builder.addFieldOffset(0, keys, 0);
  builder.addFieldOffset(1, param, 0);
  builder.addFieldOffset(2, algorithm, 0);
  builder.addFieldInt8(3, context.compressionType === null ? 0 : COMPRESSION[context.compressionType], 0);
  builder.addFieldInt32(4, context.uncompressedMessageSize ?? 0, 0);
  builder.addFieldInt32(5, context.batchSize ?? 1, 0);
  builder.addFieldInt8(6, Number(context.batchSize !== null), 0);
  return builder.endObject();
}
