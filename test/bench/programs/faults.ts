/**
 * What each fault costs: repetitions, and how long the slowest key stands still. A worker of each pipeline works on a
 * backlog with the defaults of a KinesisSink, aggregation aside: a record for each message shows when its key moved.
 * `scripts/node test/bench/programs/faults.ts [part of a fault's name]`
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Pulsar, startPulsar } from "../../env/pulsar/broker.ts";
import { isOpen } from "../../fakes/kinesis-stream.ts";
import { openScenario, type Scenario } from "../../faults/scenario.ts";
import { interruption, rejection } from "../../interruption.ts";
import { startFlow } from "../../load/flow.ts";
import { MODES, type Mode } from "../../load/guarantee.ts";
import { halveShard } from "../../load/halve-shard.ts";
import type { WorkerProcess } from "../../load/worker-process.ts";
import { print } from "../harness/table.ts";

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
const LIVE = { wave: 50, pauseMs: 100 };
/** Longer than a hand-over with the wait before the first write, which is 10 s. */
const HAND_OVER_MS = 13_000;
const OUTAGE_MS = 5_000;
const CHECK_LIMIT_MS = 120_000;

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

function split({ name, scenario: { fake } }: Side): Promise<void> {
  return halveShard(fake.url, name, fake.stream(name).shards.find(isOpen));
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
      const flow = live ? startFlow(side.scenario.traffic, LIVE) : null;
      try {
        for (let time = 0; time < times; time++) {
          await side.scenario.untilStored(side.scenario.stored() + BEFORE_EACH);
          await inject?.(side);
        }
      } finally {
        await flow?.stop();
      }
    }),
  );
  await injectBroker?.(pulsar);
  for (const side of sides) print(await resultRow(side, fault));
}

async function resultRow(side: Side, { name, times }: Fault): Promise<string> {
  const { missing, inversions, unknown, duplicates } = await side.scenario.check(CHECK_LIMIT_MS);
  const { key, all } = pauses(side);
  return [
    ...[name.padEnd(46), side.mode.padStart(9), String(times).padStart(5)],
    ...[missing.length + unknown.length, inversions.length].map((count) => String(count).padStart(10)),
    (duplicates / times).toFixed(0).padStart(13),
    ...[key, all].map((seconds) => seconds.toFixed(2).padStart(11)),
  ].join("  ");
}

async function run(fault: Fault, pulsar: Pulsar, interrupted: AbortSignal): Promise<void> {
  const opened = await Promise.allSettled(MODES.map((mode) => open(pulsar, mode, fault)));
  const sides = opened.flatMap((side) => (side.status === "fulfilled" ? [side.value] : []));
  try {
    for (const side of opened) if (side.status === "rejected") throw side.reason;
    await Promise.race([play(sides, fault, pulsar), rejection(interrupted)]);
  } finally {
    await Promise.all(sides.map(({ scenario }) => scenario.close()));
  }
}

const interrupted = interruption();
const wanted = process.argv[2] ?? "";
const pulsar = await startPulsar({ log: (line) => console.error(line) });
try {
  print(`a backlog, ${KEYS} keys, ${LATENCY_MS} ms per request, requestTimeout ${CONFIG.requestTimeout} ms`);
  print(`${"fault".padEnd(46)}   pipeline  times  lost/alien  inversions  repeats/fault  key waits s   all wait s`);
  for (const fault of FAULTS.filter(({ name }) => name.includes(wanted))) await run(fault, pulsar, interrupted);
} finally {
  await pulsar.close();
}
process.exit();
