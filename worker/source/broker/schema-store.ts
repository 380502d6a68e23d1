import { createHash } from "node:crypto";
import type { SchemaInfo } from "../source.ts";

/** Versions of topics, those that are not there among them; the least recently asked for goes first. */
const MOST_VERSIONS = 20_000;
/** Bytes that they and their definitions may take. */
const MOST_BYTES = 16 * 1024 * 1024;

/** The share that is left when some go: one at a time, each would be looked for among all that went before. */
const LEFT = 7 / 8;

/** What the objects of a version, of a definition and of one of its properties take beside their texts, as measured. */
const VERSION_COST = 400;
const DEFINITION_COST = 400;
const PROPERTY_COST = 150;

/** One definition, whichever topics and versions have it: topics made from one template share theirs. */
interface Definition {
  readonly info: SchemaInfo;
  readonly digest: string;
  readonly bytes: number;
  uses: number;
}

/** What a version of a topic was said to name. */
export interface KnownVersion {
  readonly id: string;
  /** Without a partition. */
  readonly topic: string;
  readonly version: Uint8Array;
  /** Null: no schema. The same object as long as, and wherever, the definition is the same. */
  readonly info: SchemaInfo | null;
  /** `Clock.now()` from which it is to be looked at again. */
  lookAt: number;
  /** `Clock.now()` until which it counts without another look. */
  freshUntil: number;
  look: Look | null;
}

/** A look at what a version names now. */
export interface Look {
  /** Whether what needs the version waits for it. */
  awaited: boolean;
  /** Resolves when it is over, or waited for no longer. */
  settled: Promise<void>;
}

class StoredVersion implements KnownVersion {
  readonly id: string;
  readonly topic: string;
  readonly version: Uint8Array;
  definition: Definition | null;
  lookAt = 0;
  freshUntil = 0;
  look: Look | null = null;

  constructor(id: string, topic: string, version: Uint8Array, definition: Definition | null) {
    this.id = id;
    this.topic = topic;
    this.version = Buffer.from(version);
    this.definition = definition;
  }

  get info(): SchemaInfo | null {
    return this.definition?.info ?? null;
  }
}

/** What versions of topics name, bounded in number and bytes. Asks nobody. */
export class SchemaStore {
  readonly #versions = new Map<string, StoredVersion>();
  readonly #definitions = new Map<string, Definition>();
  readonly #mostBytes: number;
  #bytes = 0;
  /** The one that was used last. */
  #last: StoredVersion | undefined;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts as a use. */
  get(id: string): KnownVersion | undefined {
    const known = this.#versions.get(id);
    if (known === undefined || known === this.#last) return known;
    this.#last = known;
    this.#versions.delete(id);
    this.#versions.set(id, known);
    return known;
  }

  /** @param version is copied */
  add(id: string, topic: string, version: Uint8Array, info: SchemaInfo | null): KnownVersion {
    this.#remove(id);
    const known = new StoredVersion(id, topic, version, info === null ? null : this.#use(info));
    this.#versions.set(id, known);
    this.#last = known;
    this.#bytes += bytesOf(known);
    this.#evict();
    return known;
  }

  /** Whether the version names something else than it did; then it names that from now on. */
  replace({ id }: KnownVersion, info: SchemaInfo): boolean {
    const known = this.#versions.get(id);
    if (known === undefined || known.definition?.digest === digestOf(info)) return false;
    const before = known.definition;
    known.definition = this.#use(info);
    this.#letGo(before);
    this.#evict();
    return true;
  }

  /** Makes room for some more. The last one that was asked for stays, whatever it takes. */
  #evict(): void {
    if (this.#versions.size <= MOST_VERSIONS && this.#bytes <= this.#mostBytes) return;
    for (const id of this.#versions.keys()) {
      const { size } = this.#versions;
      if (size === 1 || (size <= LEFT * MOST_VERSIONS && this.#bytes <= LEFT * this.#mostBytes)) return;
      this.#remove(id);
    }
  }

  #use(info: SchemaInfo): Definition {
    const digest = digestOf(info);
    let definition = this.#definitions.get(digest);
    if (definition === undefined) {
      definition = { info, digest, bytes: definitionBytes(info), uses: 0 };
      this.#definitions.set(digest, definition);
      this.#bytes += definition.bytes;
    }
    definition.uses += 1;
    return definition;
  }

  #letGo(definition: Definition | null): void {
    if (definition === null || --definition.uses > 0) return;
    this.#definitions.delete(definition.digest);
    this.#bytes -= definition.bytes;
  }

  #remove(id: string): void {
    const known = this.#versions.get(id);
    if (known === undefined) return;
    this.#versions.delete(id);
    this.#bytes -= bytesOf(known);
    this.#letGo(known.definition);
  }
}

function bytesOf({ id }: KnownVersion): number {
  return VERSION_COST + id.length;
}

function definitionBytes({ data, properties }: SchemaInfo): number {
  let bytes = DEFINITION_COST + data.length;
  for (const [name, value] of properties) bytes += PROPERTY_COST + name.length + value.length;
  return bytes;
}

/** Each part after its length, so that no two definitions have one text. */
function digestOf({ type, data, properties }: SchemaInfo): string {
  const hash = createHash("sha256");
  const add = (part: string | Uint8Array): void => {
    hash.update(`${part.length}:`).update(part);
  };
  add(type);
  add(data);
  for (const [name, value] of [...properties].sort(([one], [other]) => (one < other ? -1 : 1))) {
    add(name);
    add(value);
  }
  return hash.digest("base64");
}
