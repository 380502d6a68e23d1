/** The decoders of schemas: each schema is compiled once, while it is in use. */
import type { Delivery, Entry, SchemaInfo, SchemaRegistry } from "../../source/source.ts";
import { PoisonError } from "../format.ts";
import { decoderBytes } from "./decoder-bytes.ts";
import { BYTES_DECODER, type MessageDecoder, messageDecoder, poisonDecoder } from "./value-decoder.ts";

/** Bytes that compiled decoders may take, with the definitions that they came from; the least recently prepared goes first. */
const MOST_BYTES = 32 * 1024 * 1024;

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

export function createSchemaCache(schemas: SchemaRegistry, mostBytes = MOST_BYTES): SchemaCache {
  return new DecoderCache(schemas, mostBytes);
}

interface Compiled {
  readonly decoder: MessageDecoder;
  readonly bytes: number;
}

class DecoderCache implements SchemaCache {
  readonly #schemas: SchemaRegistry;
  readonly #mostBytes: number;
  /** By the registry's object, which is another one when a version names another schema. */
  readonly #compiled = new Map<SchemaInfo, Compiled>();
  readonly #compiling = new Map<SchemaInfo, Promise<MessageDecoder>>();
  /** What an entry needs stays at hand as long as the entry, whatever is evicted meanwhile. */
  readonly #prepared = new WeakMap<Entry, MessageDecoder>();
  #bytes = 0;
  /** The one that was used last. */
  #lastSchema: SchemaInfo | null = null;
  /** All messages of an entry come one after another. */
  #lastEntry: Entry | null = null;
  #lastDecoder: MessageDecoder = BYTES_DECODER;

  constructor(schemas: SchemaRegistry, mostBytes: number) {
    this.#schemas = schemas;
    this.#mostBytes = mostBytes;
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
    const prepared = this.#prepared.get(entry);
    if (prepared !== undefined && prepared !== MISSING) return undefined;
    const schema = this.#schemas.schema(topic, version);
    if (schema instanceof Promise) return this.#load(entry, schema);
    const decoder = this.#decoderOf(schema);
    if (decoder instanceof Promise) return this.#load(entry, schema);
    this.#remember(entry, decoder);
    return undefined;
  }

  async #load(entry: Entry, schema: SchemaInfo | null | Promise<SchemaInfo | null>): Promise<void> {
    this.#remember(entry, await this.#decoderOf(await schema));
  }

  #remember(entry: Entry, decoder: MessageDecoder): void {
    this.#prepared.set(entry, decoder);
    if (entry === this.#lastEntry) this.#lastEntry = null;
  }

  /** At once where it is compiled. */
  #decoderOf(schema: SchemaInfo | null): MessageDecoder | Promise<MessageDecoder> {
    if (schema === null) return MISSING;
    const compiled = this.#compiled.get(schema);
    if (compiled === undefined) return this.#compileOnce(schema);
    if (schema === this.#lastSchema) return compiled.decoder;
    this.#lastSchema = schema;
    this.#compiled.delete(schema);
    this.#compiled.set(schema, compiled);
    return compiled.decoder;
  }

  #compileOnce(schema: SchemaInfo): Promise<MessageDecoder> {
    let compiling = this.#compiling.get(schema);
    if (compiling === undefined) {
      compiling = this.#compile(schema).finally(() => this.#compiling.delete(schema));
      this.#compiling.set(schema, compiling);
    }
    return compiling;
  }

  async #compile(schema: SchemaInfo): Promise<MessageDecoder> {
    const decoder = await messageDecoder(schema);
    const bytes = decoderBytes(schema);
    this.#compiled.set(schema, { decoder, bytes });
    this.#lastSchema = schema;
    this.#bytes += bytes;
    for (const [oldest, compiled] of this.#compiled) {
      if (this.#bytes <= this.#mostBytes || oldest === schema) break;
      this.#compiled.delete(oldest);
      this.#bytes -= compiled.bytes;
    }
    return decoder;
  }
}

/** An empty version is none, as Java's client has it; a broker would refuse to look it up. */
function versionOf({ schemaVersion }: Entry): Uint8Array | null {
  return schemaVersion === null || schemaVersion.length === 0 ? null : schemaVersion;
}
