/** What a sink is measured between: a real broker, and an endpoint and a producer in processes of their own. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../env/process.ts";
import { type Pulsar, startPulsar } from "../../env/pulsar/broker.ts";
import { stateDirectory } from "../../env/state-directory.ts";
import { pulsarAdmin } from "../../load/pulsar-admin.ts";
import { type CompiledWorker, compileWorker } from "./compiled-worker.ts";
import { expectedRate, type Row } from "./row.ts";
import type { EndpointCounts, EndpointQuestion } from "./worker-endpoint.ts";
import type { ProducerTask } from "./worker-producer.ts";

export const PARTITIONS = 16;
export const STREAM = "bench";
/** Of one topic, so that the disk does not fill. */
const MAX_BACKLOG_BYTES = 6e9;

export interface Stage {
  readonly pulsar: Pulsar;
  readonly compiled: CompiledWorker;
  readonly endpoint: Endpoint;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** A topic that nobody has written to. */
  createTopic(): Promise<string>;
  /** A topic full of the row's messages for that many seconds; rows of one shape share it. */
  backlog(row: Row, seconds: number): Promise<string>;
  /** Publishes the row's messages, at its pace. */
  produce(row: Row, topic: string, messages: number): Promise<void>;
  /** Ends everything and removes its files. */
  close(): Promise<void>;
}

interface Endpoint {
  readonly url: string;
  readonly pid: number;
  ask(question: EndpointQuestion): Promise<EndpointCounts>;
  close(): void;
}

export async function openStage(log: Log, signal: AbortSignal): Promise<Stage> {
  const config = {
    // Rows read a backlog again and again.
    defaultRetentionTimeInMinutes: "120",
    defaultRetentionSizeInMB: "16384",
    // A bundle that splits closes its topics in the middle of a window.
    loadBalancerAutoBundleSplitEnabled: "false",
    loadBalancerSheddingEnabled: "false",
  };
  const folder = await stateDirectory("bench");
  const parts = [
    compileWorker(folder, signal),
    startPulsar({ log, signal, optimize: true, config }),
    startEndpoint(),
  ] as const;
  const [compiled, pulsar, endpoint] = await Promise.allSettled(parts);
  const close = async (): Promise<void> => {
    if (endpoint.status === "fulfilled") endpoint.value.close();
    if (pulsar.status === "fulfilled") await pulsar.value.close();
    await rm(folder, { recursive: true, force: true });
  };
  if (compiled.status === "rejected" || pulsar.status === "rejected" || endpoint.status === "rejected") {
    await close();
    await Promise.all(parts);
    throw new Error("the stage did not open");
  }
  const admin = pulsarAdmin(pulsar.value.adminUrl);
  const backlogs = new Map<string, { readonly messages: number; readonly topic: Promise<string> }>();
  let topics = 0;
  const createTopic = async (): Promise<string> => {
    const topic = `persistent://public/default/bench-${topics++}`;
    await admin.createPartitionedTopic(topic, PARTITIONS);
    return topic;
  };
  const produce: Stage["produce"] = ({ size, batch, keys, pace }, topic, messages) =>
    runProducer(
      { serviceUrl: pulsar.value.serviceUrl, partitions: PARTITIONS, topic, messages, size, batch, keys, pace },
      signal,
    );
  const fill = async (row: Row, messages: number): Promise<string> => {
    const topic = await createTopic();
    await produce(row, topic, messages);
    return topic;
  };
  return {
    ...{ pulsar: pulsar.value, compiled: compiled.value, endpoint: endpoint.value },
    ...{ log, signal, createTopic, produce, close },
    backlog(row, seconds) {
      const shape = [row.size, row.batch, row.keys].join("/");
      const wanted = expectedRate(row) * (seconds + row.warmUpMs / 1000);
      const messages = Math.ceil(Math.min(wanted, MAX_BACKLOG_BYTES / row.size));
      const made = backlogs.get(shape);
      if (made !== undefined && made.messages >= messages) return made.topic;
      const topic = fill(row, messages);
      backlogs.set(shape, { messages, topic });
      return topic;
    },
  };
}

async function startEndpoint(): Promise<Endpoint> {
  const child = fork(join(import.meta.dirname, "worker-endpoint.ts"), [STREAM]);
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the endpoint ended")));
  ended.catch(() => undefined);
  const [url] = (await Promise.race([once(child, "message"), ended])) as [string];
  return {
    url,
    pid: child.pid ?? 0,
    async ask(question) {
      const answered = once(child, "message");
      child.send(question);
      const [counts] = (await Promise.race([answered, ended])) as [EndpointCounts];
      return counts;
    },
    close: () => child.disconnect(),
  };
}

async function runProducer(task: ProducerTask, signal: AbortSignal): Promise<void> {
  const child = fork(join(import.meta.dirname, "worker-producer.ts"), [JSON.stringify(task)], { signal });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`producing to ${task.topic} failed`);
}
