/** The decoders of schema versions: each is loaded once and compiled once. */
import type { Delivery, Entry, SchemaRegistry } from "../../source/source.ts";
import { PoisonError } from "../format.ts";
import { BYTES_DECODER, type MessageDecoder, messageDecoder, refusing } from "./value-decoder.ts";

/** Compiled decoders kept; the least recently prepared one goes first. */
const MAX_DECODERS = 1000;
const PARTITION_SUFFIX = /-partition-\d+$/;

const MISSING = refusing(
  new PoisonError(
    "SchemaMissing",
    "The broker no longer has the schema version with which the message was written; restore it, or choose another messageFormat.",
  ),
);

export interface SchemaCache {
  /** Undefined when every entry's decoder is at hand. Rejects with SourceError. */
  prepare(delivery: Delivery): Promise<void> | undefined;
  /** @throws Error when the entry was not prepared */
  decoder(entry: Entry): MessageDecoder;
}

export function schemaCache(schemas: SchemaRegistry): SchemaCache {
  const compiled = new Map<string, MessageDecoder>();
  const loading = new Map<string, Promise<MessageDecoder>>();
  /** What an entry needs stays at hand as long as the entry, whatever is evicted meanwhile. */
  const prepared = new WeakMap<Entry, MessageDecoder>();
  let lastEntry: Entry | null = null;
  let lastDecoder: MessageDecoder = BYTES_DECODER;

  const load = async (key: string, topic: string, version: Uint8Array): Promise<MessageDecoder> => {
    const schema = await schemas.schema(topic, version);
    if (schema === null) return MISSING;
    const decoder = await messageDecoder(schema);
    compiled.set(key, decoder);
    if (compiled.size > MAX_DECODERS) compiled.delete(compiled.keys().next().value ?? "");
    return decoder;
  };
  const loadOnce = (key: string, topic: string, version: Uint8Array): Promise<MessageDecoder> => {
    let promise = loading.get(key);
    if (promise === undefined) {
      promise = load(key, topic, version).finally(() => loading.delete(key));
      loading.set(key, promise);
    }
    return promise;
  };
  /** Undefined when the entry's decoder is at hand. */
  const prepareEntry = (entry: Entry, topic: string): Promise<void> | undefined => {
    const version = versionOf(entry);
    if (version === null || entry.defect !== null || entry.encryption !== null) return undefined;
    const known = prepared.get(entry);
    if (known !== undefined && known !== MISSING) return undefined;
    const base = topic.replace(PARTITION_SUFFIX, "");
    const key = `${Buffer.from(version).toString("latin1")} ${base}`;
    const decoder = compiled.get(key);
    if (decoder === undefined) {
      return loadOnce(key, topic, version).then((loaded) => {
        prepared.set(entry, loaded);
        if (entry === lastEntry) lastEntry = null;
      });
    }
    compiled.delete(key);
    compiled.set(key, decoder);
    prepared.set(entry, decoder);
    return undefined;
  };

  return {
    prepare({ assignment, messages }) {
      const waits: Promise<void>[] = [];
      let previous: Entry | null = null;
      for (const { entry } of messages) {
        if (entry === previous) continue;
        previous = entry;
        const wait = prepareEntry(entry, assignment.topic);
        if (wait !== undefined) waits.push(wait);
      }
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    },
    decoder(entry) {
      if (entry === lastEntry) return lastDecoder;
      if (versionOf(entry) === null) return BYTES_DECODER;
      const decoder = prepared.get(entry);
      if (decoder === undefined) throw new Error("encode was called before prepare had resolved");
      lastEntry = entry;
      lastDecoder = decoder;
      return decoder;
    },
  };
}

/** An empty version is none, as Java's client has it; a broker would refuse to look it up. */
function versionOf({ schemaVersion }: Entry): Uint8Array | null {
  return schemaVersion === null || schemaVersion.length === 0 ? null : schemaVersion;
}
