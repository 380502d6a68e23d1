/** What stays of a delivery when nothing but its poison is left: the rest of its memory is given back. */
import type { Message, Source } from "../../source/source.ts";
import type { TrackedDelivery } from "./tracked-delivery.ts";

/** What objects take beside the bytes of a message, and what the id of a done one takes. */
const MESSAGE_OVERHEAD = 600;
const ID_BYTES = 80;

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
    bytes += message.payloadBytes + MESSAGE_OVERHEAD;
    retained.set(index, message);
  }
  const freed = open.bytes - bytes;
  if (freed < open.bytes / 4) return 0;
  for (const [index, message] of retained) retained.set(index, copyOf(message));
  open.done ??= new Uint8Array(delivery.messages.length);
  open.ids = delivery.messages.map(({ id }) => id);
  open.retained = retained;
  open.delivery = source.shrink(delivery, [...retained.values()]);
  open.bytes = bytes;
  return freed;
}

/** The message in memory of its own. */
function copyOf(message: Message): Message {
  const { entry, id, payloadBytes, key, keyIsBase64, properties, eventTime, isNull } = message;
  const { publishTime, producerName, encryption, defect } = entry;
  return {
    entry: { publishTime, producerName, schemaVersion: copyBytes(entry.schemaVersion), encryption, defect },
    ...{ id, payloadBytes, key, keyIsBase64, properties, eventTime, isNull },
    payload: copyBytes(message.payload),
    orderingKey: copyBytes(message.orderingKey),
  };
}

function copyBytes<B extends Uint8Array | null>(bytes: B): B | Buffer {
  if (bytes === null) return bytes;
  // Not from the pool, which a small copy would keep alive.
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}
