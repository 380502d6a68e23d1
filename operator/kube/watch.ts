import type { IncomingMessage } from "node:http";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { ApiError, type ApiStatus, ApiUnreachableError } from "../../runtime/kube/errors.ts";
import type { KubeObject } from "./objects.ts";

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubeObject;
}

export interface WatchOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly path: string;
  readonly query?: ApiRequest["query"];
  readonly accept?: string;
  readonly resourceVersion: string;
  /** After this the server ends the watch, seconds. */
  readonly timeoutSeconds: number;
  /** A watch that is silent for longer than `timeoutSeconds` plus this is dead, milliseconds. */
  readonly graceMs: number;
  readonly signal: AbortSignal;
  /** Called when the server has taken the request. */
  readonly onOpen?: () => void;
}

/**
 * One watch request, from `resourceVersion` until the server ends it (returns) or it fails (throws ApiError, for an ERROR
 * event too, or ApiUnreachableError). Bookmarks are handed over like events. A connection that stays open but silent is
 * given up, because the server ends every watch in time and a half-open connection would wait for ever.
 */
export async function* watchOnce(options: WatchOptions): AsyncGenerator<WatchEvent, void, void> {
  const silence = new AbortController();
  const limit = options.timeoutSeconds * 1000 + options.graceMs;
  let timer: Timer | undefined;
  const heard = () => {
    timer?.cancel();
    timer = options.clock.timer(limit, () => silence.abort(new Error(`the watch was silent for ${limit} ms`)));
  };
  heard();
  try {
    const response = await options.client.open({
      path: options.path,
      query: {
        ...options.query,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: options.resourceVersion,
        timeoutSeconds: options.timeoutSeconds,
      },
      ...(options.accept === undefined ? {} : { accept: options.accept }),
      signal: AbortSignal.any([options.signal, silence.signal]),
    });
    options.onOpen?.();
    for await (const line of lines(response, heard)) yield parseEvent(options.path, line);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof ApiError) throw error;
    throw new ApiUnreachableError(`WATCH ${options.path}`, silence.signal.aborted ? silence.signal.reason : error);
  } finally {
    timer?.cancel();
    silence.abort();
  }
}

async function* lines(response: IncomingMessage, heard: () => void): AsyncGenerator<string, void, void> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    heard();
    const parts = (rest + (chunk as string)).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part !== "") yield part;
  }
}

function parseEvent(path: string, line: string): WatchEvent {
  const { type, object } = JSON.parse(line) as { type: string; object: (KubeObject & ApiStatus) | null };
  if (type === "ERROR") throw new ApiError(`WATCH ${path}`, object?.code ?? 500, object ?? {});
  if (object === null) throw new ApiError(`WATCH ${path}`, 500, { message: "an event without an object" });
  return { type: type as WatchEvent["type"], object };
}
