/** What stays of a delivery when nothing but its poison is left: the rest of its memory is given back. */
import type { EncryptionContext, EncryptionKey, Message, Source } from "../../source/source.ts";
import type { TrackedDelivery } from "./tracked-delivery.ts";

/** What objects take beside the bytes of a message, and what the id of a done one takes. */
const MESSAGE_OVERHEAD = 600;
const ID_BYTES = 80;
/** What a property takes beside its text, and an encryption key beside its bytes. */
const PROPERTY_OVERHEAD = 100;
const KEY_OVERHEAD = 400;

/**
 * Copies these messages out of their delivery, and lets go of the others but for their ids.
 * @returns bytes that the delivery retains no longer; 0: nothing was changed, since little would be won
 */
export function retainOnly(open: TrackedDelivery, indexes: Iterable<number>, source: Source): number {
  const { delivery } = open;
  const retained = new Map<number, Message>();
  let bytes = delivery.messages.length * ID_BYTES;
  for (const index of indexes) {
    const message = delivery.messages[index];
    if (message === undefined) continue;
    bytes += bytesOf(message);
    retained.set(index, message);
  }
  const freed = open.bytes - bytes;
  if (freed < open.bytes / 4) return 0;
  // The messages of a batch have one context.
  const contexts = new Map<EncryptionContext, EncryptionContext>();
  for (const [index, message] of retained) retained.set(index, copyOf(message, contexts));
  open.done ??= new Uint8Array(delivery.messages.length);
  open.ids = delivery.messages.map(({ id }) => id);
  open.retained = retained;
  open.delivery = source.shrink(delivery, [...retained.values()]);
  open.bytes = bytes;
  return freed;
}

/** What the copy of a message takes. */
function bytesOf({ entry, payloadBytes, key, orderingKey, properties }: Message): number {
  const { encryption, producerName, schemaVersion } = entry;
  let bytes = MESSAGE_OVERHEAD + payloadBytes + textBytes(key) + textBytes(producerName) + mapBytes(properties);
  bytes += (orderingKey?.byteLength ?? 0) + (schemaVersion?.byteLength ?? 0);
  if (encryption === null) return bytes;
  bytes += encryption.param.byteLength;
  for (const { name, key: encrypted, metadata } of encryption.keys) {
    bytes += KEY_OVERHEAD + textBytes(name) + encrypted.byteLength + mapBytes(metadata);
  }
  return bytes;
}

function textBytes(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text);
}

function mapBytes(texts: ReadonlyMap<string, string>): number {
  let bytes = 0;
  for (const [name, value] of texts) bytes += PROPERTY_OVERHEAD + textBytes(name) + textBytes(value);
  return bytes;
}

/** The message in memory of its own. @param contexts copied before */
function copyOf(message: Message, contexts: Map<EncryptionContext, EncryptionContext>): Message {
  const { entry, id, payloadBytes, key, keyIsBase64, properties, eventTime, isNull } = message;
  const { publishTime, producerName, defect } = entry;
  const encryption = entry.encryption === null ? null : contextOf(entry.encryption, contexts);
  return {
    entry: { publishTime, producerName, schemaVersion: copyBytes(entry.schemaVersion), encryption, defect },
    ...{ id, payloadBytes, key, keyIsBase64, properties, eventTime, isNull },
    payload: copyBytes(message.payload),
    orderingKey: copyBytes(message.orderingKey),
  };
}

function contextOf(given: EncryptionContext, copies: Map<EncryptionContext, EncryptionContext>): EncryptionContext {
  const known = copies.get(given);
  if (known !== undefined) return known;
  const keys = given.keys.map((key): EncryptionKey => ({ ...key, key: copyBytes(key.key) }));
  const copy = { ...given, keys, param: copyBytes(given.param) };
  copies.set(given, copy);
  return copy;
}

function copyBytes<B extends Uint8Array | null>(bytes: B): B | Buffer {
  if (bytes === null) return bytes;
  // Not from the pool, which a small copy would keep alive.
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}
