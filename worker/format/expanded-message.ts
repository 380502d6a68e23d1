/**
 * FULL_MESSAGE_IN_JSON_EXPAND_VALUE: one JSON document per message, its payload decoded by the schema version that it
 * was written with: `{"topicName", "key", "payload", "properties", "eventTime"}`.
 */
import type { Message, SchemaRegistry } from "../source/source.ts";
import { createSchemaCache } from "./expand/schema-cache.ts";
import type { MessageDecoder } from "./expand/value-decoder.ts";
import { type Format, PoisonError } from "./format.ts";
import { FlatWriter, type JsonWriter, memberName, NestedWriter } from "./json/writer.ts";

const TOPIC_NAME = memberName("topicName");
const KEY = memberName("key");
const PAYLOAD = memberName("payload");
const PROPERTIES = memberName("properties");
const EVENT_TIME = memberName("eventTime");

export interface ExpandOptions {
  /** Leaves out those of the five members that are null. */
  readonly jsonIncludeNonNulls: boolean;
  /** Writes nested values as one level of paths. */
  readonly jsonFlatten: boolean;
}

export function expandedMessageFormat(options: ExpandOptions, schemas: SchemaRegistry): Format {
  const cache = createSchemaCache(schemas);
  const writer = options.jsonFlatten ? new FlatWriter() : new NestedWriter();
  const withNulls = !options.jsonIncludeNonNulls;
  return {
    prepare: (delivery) => cache.prepare(delivery),
    encode(message, topic) {
      refuseEncrypted(message);
      const decoder = cache.decoder(message.entry);
      try {
        return expand(writer, message, topic, decoder, withNulls);
      } catch (error) {
        if (error instanceof PoisonError) throw error;
        throw new PoisonError("Undecodable", "The payload does not fit its schema.", { cause: error });
      }
    },
  };
}

function refuseEncrypted({ entry }: Message): void {
  if (entry.encryption !== null) {
    throw new PoisonError(
      "Encrypted",
      "The message arrived encrypted, so its value cannot be expanded: give the worker the keys, or choose FULL_MESSAGE_IN_JSON, which passes it on encrypted.",
    );
  }
}

function expand(
  writer: JsonWriter,
  message: Message,
  topic: string,
  decoder: MessageDecoder,
  withNulls: boolean,
): Uint8Array {
  writer.begin();
  writer.objectStart();
  writer.member(TOPIC_NAME);
  writer.text(topic);
  if (message.key !== null) {
    writer.member(KEY);
    writer.text(message.key);
  } else if (withNulls) writeNull(writer, KEY);
  if (!message.isNull || decoder.decodesTombstones) {
    writer.member(PAYLOAD);
    decoder.write(writer, message);
  } else if (withNulls) writeNull(writer, PAYLOAD);
  if (message.properties.size > 0) {
    writer.member(PROPERTIES);
    writeProperties(writer, message.properties);
  } else if (withNulls) writeNull(writer, PROPERTIES);
  if (message.eventTime !== null) {
    writer.member(EVENT_TIME);
    writer.literal(String(message.eventTime));
  } else if (withNulls) writeNull(writer, EVENT_TIME);
  writer.objectEnd();
  return writer.finish();
}

function writeNull(writer: JsonWriter, name: ReturnType<typeof memberName>): void {
  writer.member(name);
  writer.literal("null");
}

function writeProperties(writer: JsonWriter, properties: ReadonlyMap<string, string>): void {
  writer.objectStart();
  for (const [name, value] of properties) {
    writer.member(memberName(name));
    writer.text(value);
  }
  writer.objectEnd();
}
