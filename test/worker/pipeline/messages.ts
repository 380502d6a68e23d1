/** Messages and deliveries made up for tests. */
import type { Assignment, Delivery, Entry, Message } from "../../../worker/source/source.ts";

export function assignment(topic = "orders", overrides: Partial<Assignment> = {}): Assignment & { active: boolean } {
  return { topic, epoch: 1, active: true, answeredAt: 0, ...overrides };
}

export function message(key: string, text: string, overrides: Partial<Message> = {}): Message {
  const entry: Entry = { publishTime: 1_000, producerName: "p", schemaVersion: null, encryption: null, defect: null };
  const payload = overrides.payload ?? Buffer.from(text);
  return {
    entry,
    id: text,
    payload,
    payloadBytes: payload.byteLength,
    key,
    keyIsBase64: false,
    orderingKey: null,
    properties: new Map(),
    eventTime: null,
    isNull: false,
    ...overrides,
  };
}

/** @param texts `key:text` each */
export function delivery(of: Assignment, texts: readonly string[], overrides: Partial<Delivery> = {}): Delivery {
  const messages = texts.map((text) => message(text.split(":")[0] ?? "", text));
  return { assignment: of, messages, retainedBytes: 100, redeliveryCount: 0, ...overrides };
}
