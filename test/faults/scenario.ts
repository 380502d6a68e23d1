import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Pulsar } from "../env/pulsar/broker.ts";
import { type FakeKinesis, startFakeKinesis } from "../fakes/kinesis.ts";
import type { GuaranteeResult, Mode } from "../load/guarantee.ts";
import { type PulsarAdmin, pulsarAdmin } from "../load/pulsar-admin.ts";
import { sinkManifest } from "../load/sink-manifest.ts";
import { checkStream, createTraffic, type Traffic } from "../load/traffic.ts";
import { startWorker, type WorkerProcess } from "../load/worker-process.ts";
import { PATIENCE_MS, until } from "../until.ts";
import { type Relay, startRelay } from "./relay.ts";

const PARTITIONS = 4;
/** Short, so that a fault that comes after so many records comes in the middle. */
const POLL_MS = 20;
/** Characters of a worker's output in the message of an error. */
const SHOWN = 20_000;

export interface ScenarioOptions {
  /** Of the topic and the stream. */
  readonly name: string;
  readonly mode: Mode;
  /** Default 100. */
  readonly keys?: number;
  /** Default 4. */
  readonly shards?: number;
  readonly shardLimits?: boolean;
  /** The endpoint takes TLS beside plain connections. */
  readonly tls?: boolean;
  /** More of `spec.config`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A topic, a stream behind an endpoint that fails on demand, and the workers between them. */
export interface Scenario {
  readonly topic: string;
  readonly fake: FakeKinesis;
  /** What the workers connect to instead of the endpoint. */
  readonly relay: Relay;
  readonly traffic: Traffic;
  readonly admin: PulsarAdmin;
  /** Starts a worker of the sink; every one is a replica of it. */
  start(): Promise<WorkerProcess>;
  /** Kinesis records that the stream holds. */
  stored(): number;
  untilStored(count: number): Promise<void>;
  /** Waits until everything produced is in the stream, ends the workers in order, and checks what a consumer reads. */
  check(timeoutMs?: number): Promise<GuaranteeResult>;
  /** Does so, prints the result, and fails unless the guarantee was kept. */
  finish(t: TestContext): Promise<GuaranteeResult>;
  close(): Promise<void>;
}

/**
 * Short waits, so that a scenario is over soon. A record for each message, so that it lasts until its fault.
 */
const QUICK = {
  requestTimeout: 1_000,
  connectTimeout: 1_000,
  retryMaxDelayInMillis: 2_000,
  aggregationEnabled: false,
};

export async function openScenario(pulsar: Pulsar, options: ScenarioOptions): Promise<Scenario> {
  const { mode, name, keys = 100, shards = 4, shardLimits = false, tls = false } = options;
  const folder = await mkdtemp(join(tmpdir(), "faults-"));
  const topic = `persistent://public/default/${name}`;
  const fake = await startFakeKinesis({ streams: { [name]: shards }, shardLimits, tls });
  const relay = await startRelay(fake.url);
  const admin = pulsarAdmin(pulsar.adminUrl);
  await admin.createPartitionedTopic(topic, PARTITIONS);
  const traffic = createTraffic({ serviceUrl: pulsar.serviceUrl, topic, partitions: PARTITIONS, keys });
  const workers: WorkerProcess[] = [];
  const config = { ...QUICK, ...options.config };
  const manifest = sinkManifest(
    { name },
    {
      config: { awsKinesisStreamName: name, awsEndpoint: relay.url, retainOrdering: mode === "ordered", ...config },
      pulsar: { serviceUrl: pulsar.serviceUrl, topics: [topic] },
    },
  );
  const stored = (): number => fake.stream(name).shards.reduce((sum, { count }) => sum + count, 0);
  const output = (): string => workers.map((worker) => worker.output().slice(-SHOWN)).join("\n---\n");
  const read = (): Promise<GuaranteeResult> => checkStream(traffic.produced, fake.url, name, mode);
  const check = async (timeoutMs = PATIENCE_MS): Promise<GuaranteeResult> => {
    const wanted = traffic.produced.length;
    // Reading is dear: without aggregates the number of records tells when it is worth it.
    const worthReading = () => config.aggregationEnabled || stored() >= wanted;
    const look = async () => worthReading() && (await read()).missing.length === 0;
    await until("all is delivered", look, { timeoutMs, last: () => `${stored()} of ${wanted}\n${output()}` });
    const running = workers.filter((worker) => worker.running());
    const codes = await Promise.all(running.map((worker) => worker.stop()));
    assert.ok(
      codes.every((code) => code === 0),
      output(),
    );
    return await read();
  };

  return {
    ...{ topic, fake, relay, traffic, admin, stored },
    start: async () => {
      const worker = await startWorker(folder, { manifest });
      workers.push(worker);
      return worker;
    },
    untilStored: async (count) => {
      await until(`${count} records are stored`, async () => stored() >= count, { pollMs: POLL_MS, last: output });
    },
    check,
    finish: async (t) => {
      const result = await check();
      const { missing, duplicates } = result;
      t.diagnostic(`${traffic.produced.length} messages, ${duplicates} duplicates, ${missing.length} lost`);
      assert.ok(result.ok, `${result.explain()}\n${output()}`);
      return result;
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.kill()));
      await traffic.close();
      await relay.close();
      await fake.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Opens a scenario, plays it, and closes it whatever happened. */
export async function play(
  pulsar: Pulsar,
  options: ScenarioOptions,
  script: (scenario: Scenario) => Promise<unknown>,
): Promise<void> {
  const scenario = await openScenario(pulsar, options);
  try {
    await script(scenario);
  } finally {
    await scenario.close();
  }
}
