/** Each kind of fault: what begins it, and what heals it. */
import { setTimeout as delay } from "node:timers/promises";
import { MODES } from "../load/guarantee.ts";
import { createRandom, type Random } from "../worker/pipeline/simulation/random.ts";
import type { Counts } from "./channel.ts";
import type { FaultKind, PlannedFault } from "./plan.ts";
import type { Stage } from "./stage.ts";
import { DEAD_LETTERS, type SoakTopic } from "./topics.ts";

export interface Begun {
  readonly what: string;
  heal(): Promise<void>;
}

const DRAIN_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 500;
const HOSTILE_KINDS = 7;
/** Of these, the one that Kinesis does not take: it goes to the dead letters, or stays. */
const TOO_LARGE = 5;
const nothing = async (): Promise<void> => undefined;

type Begin = (stage: Stage, random: Random) => Promise<Begun>;

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.integer(0, list.length - 1)] as T;
}

function shortName({ name }: SoakTopic): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

async function withFaults(stage: Stage, what: string, plan: object): Promise<Begun> {
  await stage.ask({ kind: "faults", plan });
  return { what, heal: async () => void (await stage.ask({ kind: "faults", plan: {} })) };
}

/** Nothing is lost with a topic of which everything was read. */
async function drained(stage: Stage): Promise<boolean> {
  for (const end = performance.now() + DRAIN_LIMIT_MS; performance.now() < end; await delay(LOOK_EVERY_MS)) {
    if ((await stage.ask<Counts>({ kind: "counts", faulty: true })).pausedBehind === 0) return true;
  }
  return false;
}

const makeTopicAnew: Begin = async (stage, random) => {
  const topic = pick(random, stage.topics);
  const partitions = pick(random, [0, 2, 4]);
  await stage.ask({ kind: "pause", topic: topic.name });
  const before = topic.partitions;
  const resume = async (): Promise<void> =>
    void (await stage.ask({ kind: "resume", topic: topic.name, partitions: topic.partitions }));
  if (!(await drained(stage))) return { what: `${shortName(topic)} stays, it was not drained`, heal: resume };
  await stage.admin.delete(topic.name, before > 0);
  return {
    what: `${shortName(topic)}: ${before} partitions, then ${partitions}`,
    async heal() {
      await stage.admin.create(topic.name, partitions);
      topic.partitions = partitions;
      await resume();
    },
  };
};

const BEGIN: Readonly<Record<FaultKind, Begin>> = {
  async "broker killed"({ pulsar }) {
    await pulsar.kill("SIGKILL");
    return { what: "", heal: () => pulsar.start() };
  },
  async "topic unloaded"(stage, random) {
    const topic = pick(random, stage.topics);
    await stage.pulsarAdmin.unload(topic.name);
    return { what: shortName(topic), heal: nothing };
  },
  async "endpoint down"(stage) {
    await stage.ask({ kind: "down" });
    return { what: "", heal: async () => void (await stage.ask({ kind: "up" })) };
  },
  "endpoint slow": (stage, random) => {
    const latencyMs = random.integer(200, 8_000);
    return withFaults(stage, `${latencyMs} ms`, { latencyMs });
  },
  "endpoint throttling": (stage, random) => {
    const probability = random.integer(2, 9) / 10;
    const recordFailure = { probability, code: "ProvisionedThroughputExceededException" };
    return withFaults(stage, `${probability * 100} % of the records`, { recordFailure });
  },
  async "stream resharded"(stage, random) {
    const again = async (): Promise<void> =>
      void (await stage.ask({ kind: "reshard", seed: random.integer(0, 2 ** 31) }));
    await again();
    return { what: "twice", heal: again };
  },
  async "stream made anew"(stage, random) {
    const shards = random.integer(4, 12);
    for (const mode of MODES) await stage.ask({ kind: "delete stream", mode });
    return {
      what: `${shards} shards`,
      async heal() {
        for (const mode of MODES) await stage.ask({ kind: "create stream", mode, shards });
      },
    };
  },
  "topic made anew": makeTopicAnew,
  async "worker killed"(stage, random) {
    const worker = pick(random, stage.workers);
    await worker.kill();
    return { what: worker.name, heal: () => worker.start() };
  },
  async "network cut"(stage, random) {
    const { name, network } = pick(random, stage.workers);
    await network.cut();
    return { what: name, heal: () => network.mend() };
  },
  async "topic stuck"(stage, random) {
    const topic = pick(random, stage.topics);
    await stage.admin.delete(DEAD_LETTERS, false);
    await stage.ask({ kind: "hostile", topic: topic.name, which: TOO_LARGE });
    return { what: `${shortName(topic)}, no dead letters`, heal: () => stage.admin.create(DEAD_LETTERS, 0) };
  },
  async "hostile messages"(stage, random) {
    const topic = pick(random, stage.topics);
    for (let which = 0; which < HOSTILE_KINDS; which++) await stage.ask({ kind: "hostile", topic: topic.name, which });
    return { what: shortName(topic), heal: nothing };
  },
};

export async function beginFault(stage: Stage, { kind, seed }: PlannedFault): Promise<Begun> {
  return await BEGIN[kind](stage, createRandom(seed));
}
