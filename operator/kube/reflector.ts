import { type Backoff, backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { isGone, retryAfterMs } from "../../runtime/kube/errors.ts";
import type { Logger } from "../../runtime/log.ts";
import { listPages } from "./list.ts";
import { objectKey } from "./objects.ts";
import type { Store } from "./store.ts";
import { watchOnce } from "./watch.ts";
import { Failures } from "./watch-failure.ts";

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is mirrored, for logs and metrics, for example `pods`. */
  readonly name: string;
  /** Where; undefined for all namespaces. */
  readonly namespace?: string | undefined;
  readonly path: string;
  /** Label and field selectors. */
  readonly query?: ApiRequest["query"];
  /** Asks for the objects' metadata alone. */
  readonly metadataOnly?: boolean;
  readonly store: Pick<Store<unknown>, "replacement" | "put" | "remove">;
  /** Called once, when the first list is complete. */
  readonly onSynced?: () => void;
  readonly onRestart?: () => void;
  readonly pageSize?: number;
  readonly timeoutSeconds?: { readonly min: number; readonly max: number };
  readonly graceMs?: number;
  readonly random?: () => number;
}

export interface Reflector {
  /** Mirrors until the signal aborts; resolves then, and never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** True once the first list is complete. */
  synced(): boolean;
  /** Why the last attempts failed; undefined while they do not. */
  failure(): string | undefined;
}

const METADATA = "application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadata";
const TIMEOUT_SECONDS = { min: 180, max: 360 };
const GRACE_MS = 15_000;
const RETRY = { initial: 500, max: 30_000, floor: 100 };

/**
 * Keeps a store equal to a collection: list, then watch from the list's resource version, each further watch from the last
 * version heard. Lists again only when the server has forgotten that version. Every failure is retried, for ever.
 */
export function createReflector(options: ReflectorOptions): Reflector {
  return new ListWatchReflector(options);
}

class ListWatchReflector implements Reflector {
  readonly #options: ReflectorOptions;
  readonly #random: () => number;
  readonly #retry: Backoff;
  /** Resource version to watch from; undefined asks for a list. */
  #version: string | undefined;
  #synced = false;
  readonly #failures: Failures;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#retry = backoff({ ...RETRY, random: this.#random });
    this.#failures = new Failures(options.clock);
  }

  synced(): boolean {
    return this.#synced;
  }

  failure(): string | undefined {
    return this.#failures.words();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#step(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#afterFailure(error, signal);
      }
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { clock, name } = this.#options;
    if (this.#version === undefined) await this.#list(signal);
    if (this.#version === undefined) throw new Error(`the list of ${name} has no resource version`);
    const began = clock.now();
    await this.#watch(this.#version, signal);
    // A server that ends watches at once must not be asked in a tight loop.
    if (clock.now() - began < 1000) await clock.sleep(this.#retry.next(), signal);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { metadataOnly, store } = this.#options;
    let replacement = store.replacement();
    this.#version = await listPages(
      { ...this.#options, signal, ...(metadataOnly ? { accept: `${METADATA}List` } : {}) },
      (items) => {
        for (const item of items) replacement.add(item);
      },
      () => {
        replacement = store.replacement();
      },
    );
    replacement.commit();
    this.#healthy();
    if (this.#synced) return;
    this.#synced = true;
    this.#options.onSynced?.();
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { graceMs = GRACE_MS, metadataOnly, store, timeoutSeconds: range = TIMEOUT_SECONDS } = this.#options;
    const timeoutSeconds = range.min + this.#random() * (range.max - range.min);
    const events = watchOnce({
      ...this.#options,
      ...(metadataOnly ? { accept: METADATA } : {}),
      resourceVersion,
      timeoutSeconds: Math.max(1, Math.round(timeoutSeconds)),
      graceMs,
      signal,
      onOpen: () => this.#recovered(),
    });
    for await (const { type, object } of events) {
      const { metadata } = object;
      if (type === "DELETED") store.remove(objectKey(metadata.namespace, metadata.name));
      else if (type !== "BOOKMARK") store.put(object);
      this.#version = metadata.resourceVersion ?? this.#version;
      this.#healthy();
    }
  }

  #healthy(): void {
    this.#retry.reset();
    this.#recovered();
  }

  #recovered(): void {
    const { logger, name, namespace } = this.#options;
    if (this.#failures.end()) logger.info("listed and watched again", { resource: name, namespace });
  }

  async #afterFailure(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, logger, name, namespace, onRestart } = this.#options;
    // A forgotten version is no failure: the server is there, and a list will do.
    const gone = isGone(error);
    if (gone) {
      this.#version = undefined;
      this.#retry.reset();
    }
    const level = gone ? "info" : this.#failures.add(error);
    const delayMs = Math.round(Math.max(this.#retry.next(), retryAfterMs(error)));
    const fields = { resource: name, namespace, relist: this.#version === undefined, delayMs, error };
    if (level === "warn") logger.warn("cannot be listed and watched", { ...fields, why: this.#failures.words() });
    else logger[level]("watch interrupted", fields);
    onRestart?.();
    await clock.sleep(delayMs, signal).catch(() => undefined);
  }
}
