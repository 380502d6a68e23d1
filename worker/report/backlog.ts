import type { Logger } from "../../runtime/log.ts";

/** Sends a GET to the admin REST API with the sink's own authentication and TLS, and resolves to the parsed JSON. */
export type AdminGet = (path: string, signal: AbortSignal) => Promise<unknown>;

export interface BacklogOptions {
  readonly get: AdminGet;
  readonly subscription: string;
  /** Full names of the topic-partitions to sum over, as of now. */
  readonly topics: () => readonly string[];
  readonly log: Logger;
}

const TIMEOUT_MS = 10_000;
/** Topics asked one after another; what is beyond is left to the next round, since brokers compute stats on demand. */
const MAX_TOPICS = 500;

/**
 * Entries that wait in the subscription, summed over the topics: `GET …/stats` of each, `subscriptions[name].msgBacklog`
 * (which counts entries, not messages). Null when one cannot be read, for a sum with holes would lie.
 */
export function createBacklog(options: BacklogOptions): (signal: AbortSignal) => Promise<number | null> {
  let warned = false;
  return async (signal) => {
    const topics = options.topics();
    if (topics.length > MAX_TOPICS) return null;
    try {
      let sum = 0;
      for (const topic of topics) {
        const answer = await options.get(statsPath(topic), AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
        sum += subscriptionBacklog(answer, options.subscription);
      }
      warned = false;
      return sum;
    } catch (error) {
      if (!warned && !signal.aborted)
        options.log.warn("the backlog cannot be read from spec.pulsar.adminUrl", { error });
      warned = true;
      return null;
    }
  };
}

/** `persistent://tenant/namespace/topic` → `/admin/v2/persistent/tenant/namespace/topic/stats`. */
export function statsPath(topic: string): string {
  const [domain = "persistent", rest = ""] = topic.split("://", 2);
  const [tenant = "", namespace = "", ...name] = rest.split("/");
  const parts = [domain, tenant, namespace, name.join("/")].map(encodeURIComponent);
  return `/admin/v2/${parts.join("/")}/stats?getPreciseBacklog=true`;
}

function subscriptionBacklog(answer: unknown, subscription: string): number {
  const { subscriptions } = (answer ?? {}) as { subscriptions?: Record<string, { msgBacklog?: unknown }> };
  const backlog = subscriptions?.[subscription]?.msgBacklog;
  // A subscription that the broker has not created yet has no backlog.
  return typeof backlog === "number" ? backlog : 0;
}
