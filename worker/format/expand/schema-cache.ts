/** The decoders of schema versions: each is loaded once and compiled once. */
import type { Delivery, Entry, SchemaRegistry } from "../../source/source.ts";
import { PoisonError } from "../format.ts";
import { BYTES_DECODER, type MessageDecoder, messageDecoder, poisonDecoder } from "./value-decoder.ts";

/** Compiled decoders at hand; the least recently prepared one goes first. */
const MAX_DECODERS = 1000;
const PARTITION_SUFFIX = /-partition-\d+$/;

const MISSING = poisonDecoder(
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

export function createSchemaCache(schemas: SchemaRegistry): SchemaCache {
  return new DecoderCache(schemas);
}

class DecoderCache implements SchemaCache {
  readonly #schemas: SchemaRegistry;
  readonly #compiled = new Map<string, MessageDecoder>();
  readonly #loading = new Map<string, Promise<MessageDecoder>>();
  /** What an entry needs stays at hand as long as the entry, whatever is evicted meanwhile. */
  readonly #prepared = new WeakMap<Entry, MessageDecoder>();
  /** All messages of an entry come one after another. */
  #lastEntry: Entry | null = null;
  #lastDecoder: MessageDecoder = BYTES_DECODER;

  constructor(schemas: SchemaRegistry) {
    this.#schemas = schemas;
  }

  prepare({ assignment, messages }: Delivery): Promise<void> | undefined {
    const waits: Promise<void>[] = [];
    let previous: Entry | null = null;
    for (const { entry } of messages) {
      if (entry === previous) continue;
      previous = entry;
      const wait = this.#prepareEntry(entry, assignment.topic);
      if (wait !== undefined) waits.push(wait);
    }
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  decoder(entry: Entry): MessageDecoder {
    if (entry === this.#lastEntry) return this.#lastDecoder;
    // An entry looks for its version in its metadata each time that it is asked.
    const decoder = versionOf(entry) === null ? BYTES_DECODER : this.#prepared.get(entry);
    if (decoder === undefined) throw new Error("encode was called before prepare had resolved");
    this.#lastEntry = entry;
    this.#lastDecoder = decoder;
    return decoder;
  }

  /** Undefined when the entry's decoder is at hand. */
  #prepareEntry(entry: Entry, topic: string): Promise<void> | undefined {
    const version = versionOf(entry);
    if (version === null || entry.defect !== null || entry.encryption !== null) return undefined;
    const known = this.#prepared.get(entry);
    if (known !== undefined && known !== MISSING) return undefined;
    const base = topic.replace(PARTITION_SUFFIX, "");
    const key = `${Buffer.from(version).toString("latin1")} ${base}`;
    const decoder = this.#compiled.get(key);
    if (decoder === undefined) {
      return this.#loadOnce(key, topic, version).then((loaded) => {
        this.#prepared.set(entry, loaded);
        if (entry === this.#lastEntry) this.#lastEntry = null;
      });
    }
    this.#compiled.delete(key);
    this.#compiled.set(key, decoder);
    this.#prepared.set(entry, decoder);
    return undefined;
  }

  #loadOnce(key: string, topic: string, version: Uint8Array): Promise<MessageDecoder> {
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#load(key, topic, version).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  async #load(key: string, topic: string, version: Uint8Array): Promise<MessageDecoder> {
    const schema = await this.#schemas.schema(topic, version);
    if (schema === null) return MISSING;
    const decoder = await messageDecoder(schema);
    this.#compiled.set(key, decoder);
    if (this.#compiled.size > MAX_DECODERS) this.#compiled.delete(this.#compiled.keys().next().value ?? "");
    return decoder;
  }
}

/** An empty version is none, as Java's client has it; a broker would refuse to look it up. */
function versionOf({ schemaVersion }: Entry): Uint8Array | null {
  return schemaVersion === null || schemaVersion.length === 0 ? null : schemaVersion;
}
