/** Messages for tests: all fields have plain defaults. */
import type { Format } from "../../../worker/format/format.ts";
import type { Defect, Delivery, EncryptionContext, Entry, Message } from "../../../worker/source/source.ts";

export interface MessageParts {
  readonly id?: string;
  readonly payload?: Uint8Array | string;
  readonly key?: string | null;
  readonly keyIsBase64?: boolean;
  readonly properties?: Iterable<readonly [string, string]>;
  readonly eventTime?: number | bigint | null;
  readonly isNull?: boolean;
  readonly schemaVersion?: Uint8Array | null;
  readonly encryption?: EncryptionContext | null;
  readonly defect?: Defect | null;
}

export function messageOf(parts: MessageParts): Message {
  const { encryption = null, defect = null, schemaVersion = null } = parts;
  const entry: Entry = { publishTime: 0, producerName: "p", schemaVersion, encryption, defect };
  const payload = typeof parts.payload === "string" ? Buffer.from(parts.payload) : (parts.payload ?? Buffer.alloc(0));
  return {
    entry,
    id: parts.id ?? "1:2:-1",
    payload,
    payloadBytes: payload.byteLength,
    key: parts.key ?? null,
    keyIsBase64: parts.keyIsBase64 ?? false,
    orderingKey: null,
    properties: new Map(parts.properties ?? []),
    eventTime: parts.eventTime ?? null,
    isNull: parts.isNull ?? false,
  };
}

export function deliveryOf(messages: readonly Message[], topic: string): Delivery {
  return {
    assignment: { topic, epoch: 1, active: true, answeredAt: 0 },
    messages,
    retainedBytes: 0,
    redeliveryCount: 0,
  };
}

/** The data of a message's record. */
export function recordOf(format: Format, message: Message, topic: string): Buffer {
  const data = format.encode(message, topic) ?? message.payload;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
