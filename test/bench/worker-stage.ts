/** What a worker is measured between: a real broker, and an endpoint and a producer in processes of their own. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pulsarAdmin } from "../e2e/pulsar-admin.ts";
import { startPulsar } from "../env/pulsar/broker.ts";
import type { EndpointCounts, EndpointQuestion } from "./worker-endpoint.ts";
import { type CompiledWorker, compileWorker } from "./worker-process.ts";
import type { ProducerTask } from "./worker-producer.ts";

export const PARTITIONS = 16;
export const SHARDS = 64;
export const KEYS = 10_000;
const STREAM = "bench";

export interface Stage {
  readonly compiled: CompiledWorker;
  readonly brokerPid: number;
  readonly endpoint: Endpoint;
  /** The spec of a sink, but for its subscription. */
  spec(topic: string, config: object, client: "Wire" | "Native"): object;
  /** A topic that nobody has written to. */
  createTopic(name: string): Promise<string>;
  produce(task: Pick<ProducerTask, "topic" | "size" | "batch" | "messages" | "pace">): Promise<void>;
  close(): Promise<void>;
}

interface Endpoint {
  readonly url: string;
  readonly pid: number;
  ask(question: EndpointQuestion): Promise<EndpointCounts>;
  close(): void;
}

export async function openStage(log: (line: string) => void): Promise<Stage> {
  const keepAll = { defaultRetentionTimeInMinutes: "60", defaultRetentionSizeInMB: "8192" };
  const [compiled, pulsar, endpoint] = await Promise.all([
    compileWorker(),
    startPulsar({ log, optimize: true, config: keepAll }),
    startEndpoint(),
  ]);
  const admin = pulsarAdmin(pulsar.adminUrl);
  return {
    compiled,
    brokerPid: pulsar.pid ?? 0,
    endpoint,
    spec: (topic, config, client) => ({
      config: {
        awsKinesisStreamName: STREAM,
        awsEndpoint: endpoint.url,
        skipCertificateValidation: true,
        messageFormat: "ONLY_RAW_PAYLOAD",
        ...config,
      },
      secrets: { awsCredentialPluginParam: { name: "aws", key: "credentials.json" } },
      pulsar: {
        client,
        serviceUrl: pulsar.serviceUrl,
        adminUrl: pulsar.adminUrl,
        topics: [topic],
        subscription: { name: `bench-${Date.now()}`, initialPosition: "Earliest" },
      },
    }),
    async createTopic(name) {
      const topic = `persistent://public/default/${name}`;
      await admin.createPartitionedTopic(topic, PARTITIONS);
      return topic;
    },
    produce: (task) => produce({ serviceUrl: pulsar.serviceUrl, partitions: PARTITIONS, keys: KEYS, ...task }),
    async close() {
      endpoint.close();
      await pulsar.close();
      await compiled.remove();
    },
  };
}

async function startEndpoint(): Promise<Endpoint> {
  const child = fork(join(import.meta.dirname, "worker-endpoint.ts"), [STREAM, String(SHARDS)]);
  const [url] = (await once(child, "message")) as [string];
  return {
    url,
    pid: child.pid ?? 0,
    async ask(question) {
      const answered = once(child, "message");
      child.send(question);
      const [counts] = (await answered) as [EndpointCounts];
      return counts;
    },
    close: () => child.disconnect(),
  };
}

async function produce(task: ProducerTask): Promise<void> {
  const child = fork(join(import.meta.dirname, "worker-producer.ts"), [JSON.stringify(task)]);
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`producing to ${task.topic} failed`);
}
