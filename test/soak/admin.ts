import { setTimeout as delay } from "node:timers/promises";

/** What a soak asks of Pulsar's admin REST API beside `pulsarAdmin`: topics that go and come again. */
export interface SoakAdmin {
  /** Topics of it are made by nobody but {@link create}. */
  createNamespace(name: string): Promise<void>;
  /** 0 partitions is a topic without. */
  create(topic: string, partitions: number): Promise<void>;
  delete(topic: string, partitioned: boolean): Promise<void>;
}

const TRIES = 20;
const RETRY_MS = 500;
const TIMEOUT_MS = 60_000;

export function soakAdmin(adminUrl: string): SoakAdmin {
  const call = async (method: string, path: string, body?: unknown): Promise<number> => {
    const answer = await fetch(`${adminUrl}/admin/v2/${path}`, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (answer.ok || answer.status === 404 || answer.status === 409) return answer.status;
    throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`);
  };
  const path = (topic: string): string => topic.replace("://", "/").split("/").map(encodeURIComponent).join("/");
  return {
    async createNamespace(name) {
      await call("PUT", `namespaces/${name}`, {});
      const override = { allowAutoTopicCreation: false, topicType: "non-partitioned" };
      await call("POST", `namespaces/${name}/autoTopicCreation`, override);
    },
    async create(topic, partitions) {
      for (let left = TRIES; left > 0; left--) {
        const status =
          partitions === 0
            ? await call("PUT", path(topic))
            : await call("PUT", `${path(topic)}/partitions`, partitions);
        if (status < 300) return;
        // It is still going.
        await delay(RETRY_MS);
      }
      throw new Error(`${topic} cannot be made: it is still there`);
    },
    async delete(topic, partitioned) {
      await call("DELETE", `${path(topic)}${partitioned ? "/partitions" : ""}?force=true`);
    },
  };
}
