import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { SchemaInfo, SchemaRegistry } from "../source.ts";
import { createPacedLooks, type PacedLooks } from "./paced-looks.ts";
import { type KnownVersion, type Look, SchemaStore } from "./schema-store.ts";
import { withoutPartition } from "./topic-name.ts";

/** A version is a number of 64 bits. What else a producer writes there names no schema. */
const VERSION_BYTES = 8;

/** What was not looked at for so long is looked at before it is used. */
const FRESH_MS = 60_000;
/** What is in use is looked at before that, so that nothing waits: from here on, … */
const AHEAD_MS = 45_000;
/** … and a time drawn below this. */
const AHEAD_JITTER_MS = 10_000;
/** So long a look is waited for; after that, what is known does. */
const WAIT_MS = 2_000;
/** What is not there is not asked for again so soon, and what is gone is looked at as often. */
const ABSENT_MS = 2_000;
/** A look that failed. */
const RETRY_MS = 15_000;

/** What `version` of a topic without partition names now; null for nothing. @throws SourceError */
export type AskSchema = (topic: string, version: Uint8Array | null) => Promise<SchemaInfo | null>;

export interface KnownSchemasOptions {
  readonly ask: AskSchema;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly random?: () => number;
  readonly store?: SchemaStore;
}

/**
 * What a version names is kept while it is in use, and looked at again: topics and schemas that are deleted and made anew
 * begin with version 0 once more.
 */
export function createKnownSchemas(options: KnownSchemasOptions): SchemaRegistry {
  return new KnownSchemas(options);
}

class KnownSchemas implements SchemaRegistry {
  readonly #ask: AskSchema;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #random: () => number;
  readonly #store: SchemaStore;
  readonly #looks: PacedLooks;
  readonly #loading = new Map<string, Promise<SchemaInfo | null>>();
  /** Entries of one topic and version come one after another. */
  #last: { readonly topic: string; readonly known: KnownVersion } | null = null;
  /** Told once. */
  #failing = false;

  constructor({ ask, clock, log, signal, random = Math.random, store = new SchemaStore() }: KnownSchemasOptions) {
    this.#ask = ask;
    this.#clock = clock;
    this.#log = log;
    this.#signal = signal;
    this.#random = random;
    this.#store = store;
    this.#looks = createPacedLooks(clock, signal);
  }

  schema(topic: string, version: Uint8Array | null): SchemaInfo | null | Promise<SchemaInfo | null> {
    const last = this.#last;
    if (last?.topic === topic && version !== null && isVersion(version, last.known)) {
      if (this.#clock.now() < last.known.lookAt) return last.known.info;
    }
    const name = withoutPartition(topic);
    if (version === null) return this.#ask(name, null);
    // A broker that is asked for another closes the connection, and all that use it with it.
    if (version.length !== VERSION_BYTES) return null;
    const id = `${Buffer.from(version).toString("latin1")}${name}`;
    const known = this.#store.get(id);
    if (known === undefined) return this.#loadOnce(id, name, version);
    if (this.#clock.now() < known.lookAt) {
      this.#last = { topic, known };
      return known.info;
    }
    this.#last = null;
    return known.info === null ? this.#loadOnce(id, name, version) : this.#lookedAt(known);
  }

  #loadOnce(id: string, topic: string, version: Uint8Array): Promise<SchemaInfo | null> {
    let loading = this.#loading.get(id);
    if (loading === undefined) {
      loading = this.#load(id, topic, version).finally(() => this.#loading.delete(id));
      this.#loading.set(id, loading);
    }
    return loading;
  }

  /** @throws SourceError: nothing is remembered then */
  async #load(id: string, topic: string, version: Uint8Array): Promise<SchemaInfo | null> {
    const info = await this.#ask(topic, version);
    const known = this.#store.add(id, topic, version, info);
    this.#count(known, info === null);
    return known.info;
  }

  #lookedAt(known: KnownVersion): SchemaInfo | Promise<SchemaInfo | null> | null {
    known.look ??= this.#begin(known, this.#clock.now() >= known.freshUntil);
    return known.look.awaited ? known.look.settled.then(() => known.info) : known.info;
  }

  #begin(known: KnownVersion, awaited: boolean): Look {
    const over = this.#looks.add(() => this.#lookAgain(known), awaited);
    const look: Look = { awaited, settled: over };
    if (!awaited) return look;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.timer(WAIT_MS, () => {
      look.awaited = false;
      resolve();
    });
    void over.then(() => {
      timer.cancel();
      resolve();
    });
    look.settled = promise;
    return look;
  }

  /** What fails leaves everything as it was. */
  async #lookAgain(known: KnownVersion): Promise<void> {
    const { topic, version } = known;
    try {
      const info = await this.#ask(topic, version);
      this.#failing = false;
      if (info !== null && this.#store.replace(known, info)) {
        const text = "a schema version names another schema than before: the topic or its schemas were made anew";
        this.#log.warn(text, { topic, version: Buffer.from(version).readBigUInt64BE(), type: info.type });
      }
      // Messages that were written with what is gone may still come.
      this.#count(known, info === null);
    } catch (error) {
      if (!this.#failing && !this.#signal.aborted)
        this.#log.warn("schemas cannot be looked at again; those that are known are used", { topic, error });
      this.#failing = true;
      this.#later(known, RETRY_MS + this.#random() * AHEAD_JITTER_MS, FRESH_MS);
    } finally {
      known.look = null;
    }
  }

  #count(known: KnownVersion, absent: boolean): void {
    if (absent) this.#later(known, ABSENT_MS, ABSENT_MS);
    else this.#later(known, AHEAD_MS + this.#random() * AHEAD_JITTER_MS, FRESH_MS);
  }

  #later(known: KnownVersion, lookMs: number, freshMs: number): void {
    const now = this.#clock.now();
    known.lookAt = now + lookMs;
    known.freshUntil = now + freshMs;
  }
}

function isVersion(version: Uint8Array, known: KnownVersion): boolean {
  if (version.length !== VERSION_BYTES) return false;
  // The last bytes differ first.
  for (let at = VERSION_BYTES - 1; at >= 0; at--) if (version[at] !== known.version[at]) return false;
  return true;
}
