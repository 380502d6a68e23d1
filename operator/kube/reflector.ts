import { backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { isGone } from "../../runtime/kube/errors.ts";
import type { Logger } from "../../runtime/log.ts";
import { listPages } from "./list.ts";
import { objectKey } from "./objects.ts";
import type { Store } from "./store.ts";
import { watchOnce } from "./watch.ts";

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is mirrored, for logs and metrics, for example `pods`. */
  readonly name: string;
  readonly path: string;
  /** Label and field selectors. */
  readonly query?: ApiRequest["query"];
  /** Asks for the objects' metadata alone. */
  readonly metadataOnly?: boolean;
  readonly store: Pick<Store<unknown>, "replacement" | "put" | "remove">;
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
  const random = options.random ?? Math.random;
  const retry = backoff({ ...RETRY, random });
  const range = options.timeoutSeconds ?? TIMEOUT_SECONDS;
  let version: string | undefined;
  let synced = false;
  let failing = false;

  const healthy = () => {
    retry.reset();
    failing = false;
  };

  const list = async (signal: AbortSignal) => {
    let replacement = options.store.replacement();
    version = await listPages(
      { ...options, signal, ...(options.metadataOnly ? { accept: `${METADATA}List` } : {}) },
      (items) => {
        for (const item of items) replacement.add(item);
      },
      () => {
        replacement = options.store.replacement();
      },
    );
    replacement.commit();
    synced = true;
    healthy();
  };

  const watch = async (from: string, signal: AbortSignal) => {
    const timeoutSeconds = range.min + random() * (range.max - range.min);
    const events = watchOnce({
      ...options,
      ...(options.metadataOnly ? { accept: METADATA } : {}),
      resourceVersion: from,
      timeoutSeconds: Math.max(1, Math.round(timeoutSeconds)),
      graceMs: options.graceMs ?? GRACE_MS,
      signal,
    });
    for await (const event of events) {
      const { metadata } = event.object;
      if (event.type === "DELETED") options.store.remove(objectKey(metadata.namespace, metadata.name));
      else if (event.type !== "BOOKMARK") options.store.put(event.object);
      version = metadata.resourceVersion ?? version;
      healthy();
    }
  };

  const step = async (signal: AbortSignal) => {
    if (version === undefined) await list(signal);
    if (version === undefined) throw new Error(`the list of ${options.name} has no resource version`);
    const began = options.clock.now();
    await watch(version, signal);
    // A server that ends watches at once must not be asked in a tight loop.
    if (options.clock.now() - began < 1000) await options.clock.sleep(retry.next(), signal);
  };

  return {
    synced: () => synced,
    run: async (signal) => {
      while (!signal.aborted) {
        try {
          await step(signal);
        } catch (error) {
          if (signal.aborted) return;
          await afterFailure(error, signal);
        }
      }
    },
  };

  async function afterFailure(error: unknown, signal: AbortSignal): Promise<void> {
    // A forgotten version is no failure: the server is there, and a list will do.
    if (isGone(error)) {
      version = undefined;
      retry.reset();
    }
    const delayMs = Math.round(retry.next());
    const fields = { resource: options.name, relist: version === undefined, delayMs, error };
    // The first of a row says it all.
    if (failing) options.logger.debug("watch interrupted again", fields);
    else options.logger.info("watch interrupted", fields);
    failing = true;
    options.onRestart?.();
    await options.clock.sleep(delayMs, signal).catch(() => undefined);
  }
}
