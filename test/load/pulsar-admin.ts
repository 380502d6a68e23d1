/** The few calls of Pulsar's admin REST API that tests need. */
export interface PulsarAdmin {
  createNamespace(name: string): Promise<void>;
  createPartitionedTopic(topic: string, partitions: number): Promise<void>;
  unload(topic: string): Promise<void>;
  /** Entries that wait in the subscription of one topic-partition; null while it does not exist. */
  backlog(topic: string, subscription: string): Promise<number | null>;
  /** Consumers of the subscription of one topic-partition. */
  consumers(topic: string, subscription: string): Promise<number>;
}

export function pulsarAdmin(adminUrl: string): PulsarAdmin {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${adminUrl}/admin/v2/${path}`, {
      method,
      signal: AbortSignal.timeout(120_000),
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (answer.status === 404 && method === "GET") return null;
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  const subscription = async (topic: string, name: string) => {
    const stats = (await call("GET", `${restPath(topic)}/stats?getPreciseBacklog=true`)) as Stats | null;
    return stats?.subscriptions?.[name];
  };
  return {
    createNamespace: async (name) => void (await call("PUT", `namespaces/${name}`, {})),
    createPartitionedTopic: async (topic, partitions) =>
      void (await call("PUT", `${restPath(topic)}/partitions`, partitions)),
    unload: async (topic) => void (await call("PUT", `${restPath(topic)}/unload`)),
    backlog: async (topic, name) => (await subscription(topic, name))?.msgBacklog ?? null,
    consumers: async (topic, name) => (await subscription(topic, name))?.consumers?.length ?? 0,
  };
}

interface Stats {
  readonly subscriptions?: Record<string, { msgBacklog?: number; consumers?: unknown[] }>;
}

/** `persistent://tenant/namespace/topic` → `persistent/tenant/namespace/topic`. */
function restPath(topic: string): string {
  return topic.replace("://", "/").split("/").map(encodeURIComponent).join("/");
}
