import type { Logger } from "../../runtime/log.ts";

/** Sends a GET to the admin REST API with the sink's own authentication and TLS, and resolves to the parsed JSON. */
export type AdminGet = (path: string, signal: AbortSignal) => Promise<unknown>;

export interface BacklogOptions {
  readonly get: AdminGet;
  readonly subscription: string;
  /** Full names of the topic-partitions to sum over, as of now. */
  readonly topics: () => readonly string[];
  /** Whether the oldest message is asked for too, which brokers read for the answer; as of now. */
  readonly withAge: () => boolean;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly log: Logger;
}

/** What waits in the subscription. */
export interface Backlog {
  readonly entries: number;
  /** Of the oldest message, 0 where none waits; null when it was not asked for, or a broker does not tell. */
  readonly ageSeconds: number | null;
}

const TIMEOUT_MS = 10_000;
/** Topics asked one after another; what is beyond is left to the next round, since brokers compute stats on demand. */
const MAX_TOPICS = 500;

/**
 * What waits in the subscription, over the topics: `GET …/stats` of each, `subscriptions[name].msgBacklog` (which counts
 * entries, not messages) and `earliestMsgPublishTimeInBacklog`. Null when one cannot be read, for a sum with holes would lie.
 */
export function createBacklog(options: BacklogOptions): (signal: AbortSignal) => Promise<Backlog | null> {
  let warned = false;
  return async (signal) => {
    const topics = options.topics();
    if (topics.length > MAX_TOPICS) return null;
    try {
      const backlog = await readAll(options, topics, signal);
      warned = false;
      return backlog;
    } catch (error) {
      if (!warned && !signal.aborted)
        options.log.warn("the backlog cannot be read from spec.pulsar.adminUrl", { error });
      warned = true;
      return null;
    }
  };
}

async function readAll(options: BacklogOptions, topics: readonly string[], signal: AbortSignal): Promise<Backlog> {
  const { get, subscription, wall } = options;
  const withAge = options.withAge();
  let entries = 0;
  let age: number | null = withAge ? 0 : null;
  for (const topic of topics) {
    const answer = await get(statsPath(topic, withAge), AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
    const { backlog, earliest } = subscriptionBacklog(answer, subscription);
    entries += backlog;
    if (backlog === 0 || age === null) continue;
    age = earliest === null ? null : Math.max(age, Math.round((wall() - earliest) / 1000));
  }
  return { entries, ageSeconds: age };
}

/** `persistent://tenant/namespace/topic` → `/admin/v2/persistent/tenant/namespace/topic/stats`. */
export function statsPath(topic: string, withAge: boolean): string {
  const [domain = "persistent", rest = ""] = topic.split("://", 2);
  const [tenant = "", namespace = "", ...name] = rest.split("/");
  const parts = [domain, tenant, namespace, name.join("/")].map(encodeURIComponent);
  return `/admin/v2/${parts.join("/")}/stats?getPreciseBacklog=true${withAge ? "&getEarliestTimeInBacklog=true" : ""}`;
}

interface SubscriptionStats {
  readonly msgBacklog?: unknown;
  readonly earliestMsgPublishTimeInBacklog?: unknown;
}

/** Brokers before 2.10 do not tell the earliest time; others say 0 or -1 where they do not know it. */
function subscriptionBacklog(answer: unknown, subscription: string): { backlog: number; earliest: number | null } {
  const { subscriptions } = (answer ?? {}) as { subscriptions?: Record<string, SubscriptionStats> };
  const { msgBacklog, earliestMsgPublishTimeInBacklog: earliest } = subscriptions?.[subscription] ?? {};
  return {
    // A subscription that the broker has not created yet has no backlog.
    backlog: typeof msgBacklog === "number" ? msgBacklog : 0,
    earliest: typeof earliest === "number" && earliest > 0 ? earliest : null,
  };
}
