/** All parts of a soak: broker, load, and two workers of each pipeline on a network that can be cut. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { compileWorker } from "../bench/harness/compiled-worker.ts";
import type { Log } from "../env/process.ts";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { stateDirectory } from "../env/state-directory.ts";
import { MODES, type Mode } from "../load/guarantee.ts";
import { type PulsarAdmin, pulsarAdmin } from "../load/pulsar-admin.ts";
import { type SoakAdmin, soakAdmin } from "./admin.ts";
import type { Answer, Answered, Asked, Question } from "./channel.ts";
import { openNetwork } from "./network.ts";
import { DEAD_LETTERS, DEAD_NAMESPACE, NAMESPACE, type SoakTopic, soakTopics } from "./topics.ts";
import { createWorker, type SoakWorker } from "./workers.ts";

const WORKERS_EACH = 2;
const KEEP_ALIVE_S = 10;
/** MiB of the broker's heap, and as much outside of it. */
const BROKER_MIB = 768;

export interface Stage {
  readonly pulsar: Pulsar;
  readonly topics: readonly SoakTopic[];
  readonly workers: readonly SoakWorker[];
  readonly pulsarAdmin: PulsarAdmin;
  readonly admin: SoakAdmin;
  ask<T extends Answer>(question: Question): Promise<T>;
  /** Ends everything and removes what it left. */
  close(): Promise<void>;
}

export async function openStage(log: Log, signal: AbortSignal): Promise<Stage> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer().catch((error: unknown) => log(String(error)));
  };
  try {
    return await open(log, signal, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  log: Log,
  signal: AbortSignal,
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Stage> {
  const network = await openNetwork();
  closers.push(() => network.close());
  const folder = await stateDirectory("soak");
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const config = {
    keepAliveIntervalSeconds: String(KEEP_ALIVE_S),
    loadBalancerAutoBundleSplitEnabled: "false",
    loadBalancerSheddingEnabled: "false",
  };
  const options = { log, signal, host: network.host, optimize: true, memory: BROKER_MIB };
  const pulsar = await startPulsar({ ...options, config });
  closers.push(() => pulsar.close());
  const load = await startLoad(network.host);
  closers.push(async () => load.close());
  const admin = soakAdmin(pulsar.adminUrl);
  const topics = soakTopics();
  for (const namespace of [NAMESPACE, DEAD_NAMESPACE]) await admin.createNamespace(namespace);
  for (const { name, partitions } of [...topics, { name: DEAD_LETTERS, partitions: 0 }])
    await admin.create(name, partitions);
  const compiled = await compileWorker(folder, signal);
  const workers: SoakWorker[] = [];
  closers.push(() => Promise.all(workers.map((worker) => worker.stop())));
  for (const mode of MODES) {
    for (let index = 0; index < WORKERS_EACH; index++) {
      const spec = specOf(mode, load.url, pulsar.serviceUrl, topics);
      workers.push(
        await createWorker({ name: `${mode}-${index}`, compiled, spec, network: await network.addNamespace() }),
      );
    }
  }
  return { pulsar, topics, workers, admin, pulsarAdmin: pulsarAdmin(pulsar.adminUrl), ask: load.ask, close };
}

function specOf(mode: Mode, awsEndpoint: string, serviceUrl: string, topics: readonly SoakTopic[]): object {
  return {
    config: { awsKinesisStreamName: mode, awsEndpoint, retainOrdering: mode === "ordered" },
    deadLetter: { topic: DEAD_LETTERS },
    pulsar: {
      serviceUrl,
      topics: topics.map(({ name }) => name),
      subscription: { name: mode, initialPosition: "Earliest" },
    },
  };
}

interface Load {
  readonly url: string;
  ask<T extends Answer>(question: Question): Promise<T>;
  close(): void;
}

async function startLoad(host: string): Promise<Load> {
  const child = fork(join(import.meta.dirname, "load.ts"), [host]);
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let lastId = 0;
  const [{ url }] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error("the load ended at its start"))),
  ])) as [{ url: string }];
  child.on("message", ({ id, answer, error }: Answered) => {
    const question = waiting.get(id);
    waiting.delete(id);
    if (answer === undefined) question?.reject(new Error(error));
    else question?.resolve(answer);
  });
  child.on("exit", () => {
    for (const question of waiting.values()) question.reject(new Error("the load ended"));
  });
  return {
    url,
    async ask<T extends Answer>(question: Question): Promise<T> {
      const asked: Asked = { id: ++lastId, question };
      const resolvers = Promise.withResolvers<Answer>();
      waiting.set(asked.id, resolvers);
      child.send(asked);
      return (await resolvers.promise) as T;
    },
    close: () => void child.disconnect(),
  };
}
