/** Workers, topics and a stream in virtual time, with everything that can go wrong, from one seed. */

import { type Format, PoisonError } from "../../../../worker/format/format.ts";
import { createPeers } from "../../../../worker/peers/peers.ts";
import { createBudget } from "../../../../worker/pipeline/budget.ts";
import { createPipeline } from "../../../../worker/pipeline/create.ts";
import { HANDOVER_WAIT_MS, IN_TRANSIT_MS } from "../../../../worker/pipeline/ordered/fencing.ts";
import type { Pipeline } from "../../../../worker/pipeline/pipeline.ts";
import { createStreamWatch } from "../../../../worker/sink/stream-watch.ts";
import type { Source } from "../../../../worker/source/source.ts";
import { createVirtualClock } from "../../../clock.ts";
import { silentLog } from "../../../silent-log.ts";
import { createModelBroker, type ModelBroker, type ModelWorker } from "./model-broker.ts";
import { createModelKinesis, type KinesisFaults, type ModelKinesis, NO_FAULTS } from "./model-kinesis.ts";
import { createModelLease } from "./model-lease.ts";
import { createProcess } from "./process.ts";
import { createRandom, type Random } from "./random.ts";

export interface Scenario {
  readonly seed: number;
  readonly ordered: boolean;
  readonly workers: number;
  readonly topics: number;
  readonly keys: number;
  readonly entries: number;
  readonly entrySize: number;
  /** Of each worker: a message takes some 110. */
  readonly budgetBytes: number;
  readonly shards: number;
  readonly latencyMs: number;
  readonly requestTimeoutMs: number;
  /** How long messages are produced and things happen. */
  readonly eventfulMs: number;
  readonly maxRecords: number;
  readonly faults: KinesisFaults;
  /** How often each happens within the eventful time. */
  readonly handOvers: number;
  readonly cutOffs: number;
  /** Processes that stand still for a while. */
  readonly stalls: number;
  /** Requests to the API server that are lost, or their answers: a probability. */
  readonly apiFails: number;
  readonly crashes: number;
  /** Workers that drain within their grace period, and are replaced. */
  readonly restarts: number;
  readonly reshards: number;
  /** How often the stream is deleted and made anew under its name. */
  readonly remakes: number;
  readonly aggregation: boolean;
  readonly lingerMs: number;
  /** Percent of a shard's limits. */
  readonly rateLimit: number;
  /** ListShards is granted. */
  readonly listable: boolean;
  /** How often RecordDistributionStrategy becomes AUTO for a while. */
  readonly autos: number;
  readonly outages: number;
  /** Messages that the format cannot encode, and that the service refuses, until they are mended. */
  readonly undecodable: number;
  readonly refused: number;
  readonly deadLetters: boolean;
}

export interface RunResult {
  readonly broker: ModelBroker;
  readonly kinesis: ModelKinesis;
  /** What happened, a line each, in order. */
  readonly events: readonly string[];
  /** Breaches seen while running: acknowledged and not stored, backlog left over, counters that do not add up. */
  readonly breaches: readonly string[];
  /** What went wrong, and how often. */
  readonly met: ReadonlyMap<string, number>;
  /** Records whose order the pipelines saw to be wrong. */
  readonly outOfOrder: number;
  /** Virtual milliseconds. */
  readonly tookMs: number;
}

interface Member {
  readonly worker: ModelWorker;
  readonly pipeline: Pipeline;
}

/** Between the news of a hand-over to the former owner and to the new one. */
const SKEW_MS = 1_000;
/** Of the wall clocks of two workers. */
const CLOCKS_DIFFER_MS = 500;
const PATIENCE_MS = 3_600_000;
const AFTERMATH_MS = 400_000;

export async function simulate(scenario: Scenario): Promise<RunResult> {
  const clock = createVirtualClock();
  const random = createRandom(scenario.seed);
  const events: string[] = [];
  const breaches: string[] = [];
  const note = (text: string): void => void events.push(`${(clock.now() / 1000).toFixed(3).padStart(9)} s  ${text}`);
  const met = new Map<string, number>();
  const meet = (what: string): void => void met.set(what, (met.get(what) ?? 0) + 1);
  const kinesis = createModelKinesis({
    clock,
    random: random.fork(),
    shards: scenario.shards,
    requestTimeoutMs: scenario.requestTimeoutMs,
    executedWithinMs: IN_TRANSIT_MS,
    latencyMs: scenario.latencyMs,
    maxRecordBytes: 1_000,
    listable: scenario.listable,
    note,
    met: meet,
  });
  const lease = createModelLease(clock, random.fork(), meet);
  const undecodable = new Set<string>();
  const topics = Array.from({ length: scenario.topics }, (_, index) => `t-${index}`);
  const broker = createModelBroker({
    clock,
    random: random.fork(),
    shared: !scenario.ordered,
    topics,
    note,
    onReadTooLate: (id) => breaches.push(`read after its delivery was released: ${id}`),
    met: meet,
    onAcknowledged: ({ text }) => {
      if (!kinesis.stored.has(text) && !isBuried(text)) breaches.push(`acknowledged and not in the stream: ${text}`);
    },
  });
  const isBuried = (text: string): boolean =>
    broker.deadLetters.some(({ message }) => Buffer.from(message.payload).toString() === text);
  const format: Format = {
    prepare: () => (random.chance(0.02) ? prepareSlowly() : undefined),
    encode: (message) => {
      const text = Buffer.from(message.payload).toString();
      if (undecodable.has(text)) throw new PoisonError("Undecodable", `cannot encode ${text}`);
      return null;
    },
  };
  const prepareSlowly = async (): Promise<void> => {
    await clock.sleep(random.next() * 100);
    if (random.chance(0.3)) {
      meet("a schema that cannot be fetched");
      throw new Error("the registry cannot be asked");
    }
  };

  const members: Member[] = [];
  const everyone: Member[] = [];
  const start = (): Member => {
    const name = `w${everyone.length}`;
    const process = createProcess(clock, random.fork(), (random.next() - 0.5) * CLOCKS_DIFFER_MS);
    const sink = kinesis.sinkOf(name, process);
    const budget = createBudget(scenario.budgetBytes);
    const pipeline = createPipeline({
      ordered: scenario.ordered,
      aggregation: scenario.aggregation,
      lingerMs: scenario.lingerMs,
      rateLimit: scenario.rateLimit,
      recordTtlMs: 30_000,
      format,
      partitionKey: (message) => message.key ?? "none",
      sink,
      streamWatch: createStreamWatch({ sink, refuseAuto: scenario.ordered, clock: process.clock, log: silentLog }),
      limits: { maxRecords: scenario.maxRecords, maxBytes: 5_000, maxRecordBytes: 1_000 },
      retry: { initialDelayMs: 100, maxDelayMs: 10_000 },
      handoverWaitMs: HANDOVER_WAIT_MS,
      maxConcurrentRequests: 4,
      budget,
      deadLetterTopic: scenario.deadLetters ? "dead" : null,
      peers: createPeers({
        ...{ client: lease.clientOf(process), path: "lease", clock: process.clock, log: silentLog },
        ...{ random: random.fork().next, extraWaitMs: () => 0 },
      }),
      clock: process.clock,
      log: silentLog,
      random: random.fork().next,
      nextTurn: (callback) => void process.clock.timer(0, callback),
    });
    const source: Source & { worker: () => ModelWorker } = broker.sourceOf(name, budget, process);
    pipeline.start(source);
    const member = { worker: source.worker(), pipeline };
    members.push(member);
    everyone.push(member);
    note(`${name} starts`);
    return member;
  };
  const anyone = (draw: Random, but?: ModelWorker): ModelWorker | undefined => {
    const others = members.filter(({ worker }) => worker !== but);
    return others[draw.integer(0, others.length - 1)]?.worker;
  };

  for (let index = 0; index < scenario.workers; index += 1) start();
  // What is produced, and what goes wrong, at random times.
  const at = (action: () => unknown): void => void clock.timer(random.next() * scenario.eventfulMs, action);
  const draw = random.fork();
  const texts: string[] = [];
  for (let index = 0; index < scenario.entries; index += 1) {
    clock.timer(random.next() * scenario.eventfulMs * 0.7, () => {
      const topic = topics[draw.integer(0, topics.length - 1)] as string;
      const count = draw.integer(1, scenario.entrySize);
      const keys = Array.from({ length: count }, () => `k${draw.integer(0, scenario.keys - 1)}`);
      for (const { text } of broker.produce(topic, keys)) {
        texts.push(text);
        if (texts.length % 7 === 3 && undecodable.size < scenario.undecodable) undecodable.add(text);
        else if (texts.length % 11 === 5 && kinesis.invalid.size < scenario.refused) kinesis.invalid.add(text);
      }
    });
  }
  kinesis.faults = scenario.faults;
  lease.fails = scenario.apiFails;
  broker.deadLetterFails = 0.3;
  for (let index = 0; index < scenario.reshards; index += 1) {
    at(() => (draw.chance(0.6) ? kinesis.split(draw) : kinesis.merge(draw)));
  }
  for (let index = 0; index < scenario.remakes; index += 1) {
    // One after another: a stream that does not exist cannot be deleted.
    const from = (scenario.eventfulMs / scenario.remakes) * index;
    const span = scenario.eventfulMs / scenario.remakes / 2;
    clock.timer(from + draw.next() * span, () =>
      kinesis.remake(draw.integer(1, 4), draw.chance(0.5) ? 0 : draw.next() * span),
    );
  }
  for (let index = 0; index < scenario.autos; index += 1) {
    at(() => {
      note("AUTO is switched on");
      meet("a stream that ignores hash keys");
      kinesis.auto = true;
      clock.timer(draw.next() * 20_000, () => {
        note("AUTO is switched off");
        kinesis.auto = false;
      });
    });
  }
  for (let index = 0; index < scenario.handOvers; index += 1) {
    at(() => {
      const topic = topics[draw.integer(0, topics.length - 1)] as string;
      if (draw.chance(scenario.ordered ? 0.3 : 0.7)) {
        broker.unload(topic);
        return;
      }
      const owners = [broker.ownerOf(topic)];
      const handOn = (left: number): void => {
        const before = owners[draw.integer(0, owners.length - 1)];
        const worker = before?.alive === true && draw.chance(0.3) ? before : anyone(draw);
        if (worker === undefined) return;
        owners.push(worker);
        broker.handOver(topic, worker, (draw.next() * 2 - 1) * SKEW_MS);
        if (left > 0) clock.timer(draw.next() * (draw.chance(0.2) ? 300 : 4_000), () => handOn(left - 1));
      };
      // Often several owners follow one another.
      handOn(draw.chance(0.5) ? 0 : draw.integer(1, 3));
    });
  }
  for (let index = 0; index < scenario.cutOffs; index += 1) {
    at(() => {
      const worker = anyone(draw);
      if (worker === undefined) return;
      const forMs = draw.next() * (draw.chance(0.5) ? 4_000 : 20_000);
      const movesAfterMs = draw.next() * (draw.chance(0.3) ? 1_000 : draw.chance(0.5) ? 2 * forMs : 11_000);
      broker.cutOff(worker, () => anyone(draw, worker), { forMs, movesAfterMs, noticeMs: draw.next() * SKEW_MS });
    });
  }
  for (let index = 0; index < scenario.stalls; index += 1) {
    at(() => {
      const worker = anyone(draw);
      if (worker === undefined) return;
      note(`${worker.name} stands still`);
      meet("a worker that stands still");
      worker.process.stop(draw.next() * (draw.chance(0.5) ? 2_000 : 15_000));
    });
  }
  for (let index = 0; index < scenario.restarts; index += 1) {
    at(async () => {
      const [member] = members.splice(draw.integer(0, members.length - 1), 1);
      if (member === undefined) return;
      note(`${member.worker.name} drains`);
      meet("a restart");
      const deadline = new AbortController();
      clock.timer(draw.next() * 20_000, () => deadline.abort());
      start();
      await member.pipeline.drain(deadline.signal);
      note(`${member.worker.name} ${deadline.signal.aborted ? "gives up draining" : "is drained"}`);
      await member.pipeline.leave();
      broker.crash(member.worker);
      member.pipeline.close();
    });
  }
  for (let index = 0; index < scenario.crashes; index += 1) {
    at(() => {
      const position = draw.integer(0, members.length - 1);
      const [member] = members.splice(position, 1);
      if (member === undefined) return;
      note(`${member.worker.name} crashes`);
      meet("a crash");
      broker.crash(member.worker);
      member.pipeline.close();
      start();
    });
  }
  const rebalance = (): void => {
    broker.rebalance(members.map(({ worker }) => worker));
    clock.timer(5_000, rebalance);
  };
  for (let index = 0; index < scenario.outages; index += 1) {
    at(() => {
      note("the stream is not ready");
      kinesis.notReady = { code: "AccessDenied", class: "notReady", message: "denied", ambiguous: false };
      clock.timer(draw.next() * 10_000, () => {
        note("the stream is ready again");
        kinesis.notReady = null;
      });
    });
  }

  rebalance();
  await clock.run(() => clock.now() > scenario.eventfulMs);
  note("calm");
  kinesis.faults = NO_FAULTS;
  kinesis.auto = false;
  kinesis.notReady = null;
  lease.fails = 0;
  broker.deadLetterFails = 0;
  if (!scenario.deadLetters) undecodable.clear();
  // A worker that never got anything accepted does not blame a record without other records, so those are mended in any case:
  // a message that another worker buried before may be delivered again when only messages of its key are left.
  kinesis.invalid.clear();
  const finished = (): boolean => broker.backlog() === 0;
  await clock.run(() => finished() || clock.now() > scenario.eventfulMs + PATIENCE_MS);
  const tookMs = clock.now();
  // Long enough for whatever is left behind to be forgotten.
  await clock.advance(AFTERMATH_MS);

  if (!finished()) breaches.push(`${broker.backlog()} entries are never acknowledged`);
  for (const { worker, pipeline } of members) {
    const { pending, pendingBytes, poisonCount } = pipeline.state();
    if (pending !== 0 || pendingBytes !== 0)
      breaches.push(`${worker.name} keeps ${pending} messages, ${pendingBytes} bytes`);
    if (poisonCount !== 0) breaches.push(`${worker.name} still reports poison`);
    pipeline.close();
  }
  // Unordered, a worker may have an entry from two consumers of its own.
  if (scenario.ordered && kinesis.doubled > 0) breaches.push(`${kinesis.doubled} aggregates hold a message twice`);
  if (scenario.ordered && kinesis.overlaps > 0) breaches.push(`${kinesis.overlaps} records of a key overlap`);
  const outOfOrder = everyone.reduce((sum, { pipeline }) => sum + pipeline.state().outOfOrder, 0);
  return { broker, kinesis, events, breaches, met, outOfOrder, tookMs };
}
