/**
 * What each fault costs: repetitions, and how long the slowest key stands still. A worker of each pipeline works on a
 * backlog with the defaults of a KinesisSink, aggregation aside: a record for each message shows when its key moved.
 * `scripts/node test/bench/programs/faults.ts [part of a fault's name]`
 */
import { setTimeout as delay } from "node:timers/promises";
import { SplitShardCommand } from "@aws-sdk/client-kinesis";
import { type Pulsar, startPulsar } from "../../env/pulsar/broker.ts";
import { kinesisClient } from "../../fakes/read-stream.ts";
import { MODES, type Mode, openScenario, type Scenario } from "../../faults/scenario.ts";
import type { WorkerProcess } from "../../faults/worker-process.ts";
import { interruption } from "../harness/interruption.ts";

interface Side {
  readonly mode: Mode;
  readonly name: string;
  readonly scenario: Scenario;
  /** Of the worker that a fault ends, and the next one. */
  worker: WorkerProcess;
}

interface Fault {
  readonly name: string;
  readonly times: number;
  /** The backlog at the beginning. */
  readonly messages: number;
  /** More is published all the while: where the topics stay with their broker. */
  readonly live: boolean;
  /** One of the times. */
  readonly inject: ((side: Side) => Promise<unknown>) | null;
  /** One that meets both pipelines at once. */
  readonly injectBroker: ((pulsar: Pulsar) => Promise<unknown>) | null;
}

const KEYS = 200;
/** With one record of a key in flight, and 200 records in all: a thousand messages a second. */
const LATENCY_MS = 200;
const CONFIG = {
  collectionMaxCount: 50,
  maxConnections: 4,
  requestTimeout: 6_000,
  connectTimeout: 6_000,
  retryMaxDelayInMillis: 60_000,
};
const BEFORE_EACH = 1_000;
/** Of live traffic: 500 messages a second. */
const WAVE = 50;
const WAVE_EVERY_MS = 100;
/** Longer than a hand-over with the wait before the first write, which is as long as requestTimeout. */
const HAND_OVER_MS = 9_000;
const OUTAGE_MS = 5_000;
const JUDGE_LIMIT_MS = 120_000;

const FAULTS: readonly Fault[] = [
  ofSide("none", 1, () => delay(HAND_OVER_MS)),
  ofSide("worker killed (SIGKILL), started again", 3, async (side) => {
    await side.worker.kill();
    side.worker = await side.scenario.start();
  }),
  ofSide("hand-over: a replica joins, the older leaves", 2, async (side) => {
    const joining = await side.scenario.start();
    await delay(HAND_OVER_MS);
    await side.worker.stop();
    side.worker = joining;
    await delay(HAND_OVER_MS);
  }),
  {
    ...ofSide("topic unloaded", 3, ({ scenario }) => scenario.admin.unload(scenario.topic)),
    ...{ messages: 8_000, live: false },
  },
  ofSide("shard split", 2, split),
  ofSide(`endpoint unreachable for ${OUTAGE_MS / 1000} s`, 1, async ({ scenario }) => {
    await scenario.relay.down();
    await delay(OUTAGE_MS);
    await scenario.relay.up();
  }),
  ofBroker("broker restarted (SIGTERM)", (pulsar) => pulsar.stop()),
  ofBroker("broker restarted (SIGKILL)", (pulsar) => pulsar.kill("SIGKILL")),
];

function ofSide(name: string, times: number, inject: NonNullable<Fault["inject"]>): Fault {
  return { name, times, messages: 2_000, live: true, inject, injectBroker: null };
}

function ofBroker(name: string, end: (pulsar: Pulsar) => Promise<unknown>): Fault {
  const injectBroker = async (pulsar: Pulsar): Promise<void> => {
    await end(pulsar);
    await pulsar.start();
  };
  return { name, times: 1, messages: 6_000, live: false, inject: null, injectBroker };
}

async function split({ name, scenario: { fake } }: Side): Promise<void> {
  const shard = fake.stream(name).shards.find(({ endingSequenceNumber }) => endingSequenceNumber === undefined);
  if (shard === undefined) throw new Error("the stream has no open shard");
  const client = kinesisClient(fake.url);
  const NewStartingHashKey = ((shard.start + shard.end) / 2n).toString();
  await client.send(new SplitShardCommand({ StreamName: name, ShardToSplit: shard.shardId, NewStartingHashKey }));
  client.destroy();
}

/** The longest time between two records of one key, and during which no record at all arrived; seconds. */
function pauses({ name, scenario: { fake } }: Side): { readonly key: number; readonly all: number } {
  const last = new Map<string, number>();
  const records = fake.stream(name).shards.flatMap((shard) => shard.records);
  let [key, all, before] = [0, 0, Number.POSITIVE_INFINITY];
  for (const { partitionKey, arrivedAt } of records.sort((a, b) => a.order - b.order)) {
    key = Math.max(key, arrivedAt - (last.get(partitionKey) ?? arrivedAt));
    all = Math.max(all, arrivedAt - before);
    last.set(partitionKey, arrivedAt);
    before = arrivedAt;
  }
  return { key: key / 1000, all: all / 1000 };
}

async function open(pulsar: Pulsar, mode: Mode, fault: Fault): Promise<Side> {
  const name = `${mode}-${FAULTS.indexOf(fault)}`;
  const scenario = await openScenario(pulsar, { name, mode, keys: KEYS, config: CONFIG });
  scenario.fake.faults.set({ latencyMs: LATENCY_MS });
  await scenario.traffic.publish(fault.messages);
  return { mode, name, scenario, worker: await scenario.start() };
}

async function play(sides: readonly Side[], fault: Fault, pulsar: Pulsar): Promise<void> {
  const { inject, injectBroker, times, live } = fault;
  await Promise.all(
    sides.map(async (side) => {
      const traffic = live ? publish(side.scenario) : null;
      try {
        for (let time = 0; time < times; time++) {
          await side.scenario.untilStored(side.scenario.stored() + BEFORE_EACH);
          await inject?.(side);
        }
      } finally {
        await traffic?.stop();
      }
    }),
  );
  await injectBroker?.(pulsar);
  for (const side of sides) console.log(await verdict(side, fault));
}

/** Live traffic, until it is stopped. */
function publish({ traffic }: Scenario): { stop(): Promise<void> } {
  let stopped = false;
  const loop = async (): Promise<void> => {
    for (; !stopped; await delay(WAVE_EVERY_MS)) await traffic.publish(WAVE);
  };
  const running = loop();
  running.catch(() => undefined);
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

async function verdict(side: Side, { name, times }: Fault): Promise<string> {
  const { missing, inversions, unknown, duplicates } = await side.scenario.judge(JUDGE_LIMIT_MS);
  const { key, all } = pauses(side);
  return [
    ...[name.padEnd(46), side.mode.padStart(9), String(times).padStart(5)],
    ...[missing.length + unknown.length, inversions.length].map((count) => String(count).padStart(10)),
    (duplicates / times).toFixed(0).padStart(13),
    ...[key, all].map((seconds) => seconds.toFixed(2).padStart(11)),
  ].join("  ");
}

async function run(fault: Fault, pulsar: Pulsar, interrupted: Promise<never>): Promise<void> {
  const opened = await Promise.allSettled(MODES.map((mode) => open(pulsar, mode, fault)));
  const sides = opened.flatMap((side) => (side.status === "fulfilled" ? [side.value] : []));
  try {
    for (const side of opened) if (side.status === "rejected") throw side.reason;
    await Promise.race([play(sides, fault, pulsar), interrupted]);
  } finally {
    await Promise.all(sides.map(({ scenario }) => scenario.close()));
  }
}

const interrupted = interruption();
const wanted = process.argv[2] ?? "";
const pulsar = await startPulsar({ log: (line) => console.error(line) });
try {
  console.log(`a backlog, ${KEYS} keys, ${LATENCY_MS} ms per request, requestTimeout ${CONFIG.requestTimeout} ms`);
  console.log(
    `${"fault".padEnd(46)}   pipeline  times  lost/alien  inversions  repeats/fault  key waits s   all wait s`,
  );
  for (const fault of FAULTS.filter(({ name }) => name.includes(wanted))) await run(fault, pulsar, interrupted);
} finally {
  await pulsar.close();
}
process.exit();
