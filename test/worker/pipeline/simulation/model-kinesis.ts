/** A stream as the service documents it, with the faults that the pipelines have to survive. */
import { createHash } from "node:crypto";
import type { KinesisRecord, RecordOutcome, RequestOutcome, Sink, SinkFailure } from "../../../../worker/sink/sink.ts";
import { SinkError } from "../../../../worker/sink/sink.ts";
import type { VirtualClock } from "../../../clock.ts";
import { decodeAggregate } from "../../../fakes/aggregate.ts";
import type { ModelProcess } from "./process.ts";
import type { Random } from "./random.ts";

/** Probabilities per request, unless said otherwise. */
export interface KinesisFaults {
  /** Per record: refused for throughput, or by an internal failure. */
  readonly recordFails: number;
  /** Refused as a whole, certainly not executed. */
  readonly refused: number;
  /** Executed sooner or later, but the connection is cut before the answer. */
  readonly cut: number;
  /** Executed, but the answer comes after the deadline. */
  readonly lostAnswer: number;
  /** Neither executed nor answered. */
  readonly silent: number;
  /** Executed, and answered with one record less. */
  readonly miscounted: number;
  /** Shards cannot be listed, or the stream not described. */
  readonly looksFail: number;
  /** Per record: executed, and answered with neither a sequence number nor an error. */
  readonly unsure: number;
  /** Answered late and executed later still: after every wait that the pipeline keeps. A class of its own. */
  readonly executedLate: number;
  /** Waits for a free socket, or its body leaves in parts with pauses. */
  readonly slowToLeave: number;
  /** Its bytes stay in the worker's kernel for a while, and leave it then, unless the connection was reset before. */
  readonly heldByKernel: number;
  /** Per record: sequenced before the last record of the same key. A class of its own. */
  readonly misordered: number;
}

export const NO_FAULTS: KinesisFaults = {
  recordFails: 0,
  refused: 0,
  cut: 0,
  lostAnswer: 0,
  silent: 0,
  miscounted: 0,
  unsure: 0,
  looksFail: 0,
  executedLate: 0,
  slowToLeave: 0,
  heldByKernel: 0,
  misordered: 0,
};

export interface UserRecord {
  readonly key: string;
  readonly data: string;
}

export interface StoredRecord {
  /** One, or those of an aggregate. */
  readonly parts: readonly UserRecord[];
  /** A consumer drops the aggregate: one of its keys does not belong to its shard. */
  readonly stray: boolean;
  readonly sequenceNumber: bigint;
  readonly at: number;
  readonly worker: string;
}

interface ModelShard {
  readonly shardId: string;
  readonly startingSequenceNumber: bigint;
  readonly start: bigint;
  readonly end: bigint;
  readonly parents: readonly string[];
  open: boolean;
  readonly records: StoredRecord[];
}

export interface ModelKinesis {
  faults: KinesisFaults;
  /** Set while the stream refuses everything. */
  notReady: SinkFailure | null;
  /** Data that the service refuses as invalid. */
  readonly invalid: Set<string>;
  readonly stored: ReadonlySet<string>;
  readonly lateExecutions: number;
  readonly misordered: number;
  /** Topics and keys, as {@link laneOf} names them, whose records were executed late or out of order. */
  readonly exempt: ReadonlySet<string>;
  readonly requestSizes: readonly number[];
  /** RecordDistributionStrategy AUTO: hash keys are ignored. */
  auto: boolean;
  readonly aggregates: number;
  readonly strays: number;
  /** Aggregates that held a message twice. */
  readonly doubled: number;
  /** Messages of a topic and key that a worker sent in two records at once. */
  readonly overlaps: number;
  sinkOf(worker: string, process: ModelProcess): Sink;
  /** The stream is deleted, once a consumer has read all of it, and made anew under its name after so many milliseconds. */
  remake(shards: number, afterMs: number): void;
  split(random: Random): void;
  merge(random: Random): void;
  /** Every user record as the Kinesis Client Library reads it: parents before children, stray aggregates dropped. */
  read(): readonly UserRecord[];
}

/** How long bytes stay in a kernel at most: as long as a cut of the network. Milliseconds. */
const HELD_MS = 30_000;
/** Between two parts of a body, milliseconds. */
const SLOW_MS = 3_000;

interface PutCall {
  readonly signal: AbortSignal;
  readonly mayLeave: (() => boolean) | undefined;
  readonly worker: string;
  readonly process: ModelProcess;
}

type Fail = (code: SinkFailure["code"], ambiguous: boolean, failureClass?: SinkFailure["class"]) => void;

/** How the outcome of a request reaches its process. */
interface Answer {
  readonly resolve: (outcome: RequestOutcome) => void;
  readonly fail: Fail;
}

const UNSURE: SinkFailure = { code: "AmbiguousAnswer", class: "transient", message: "no answer", ambiguous: true };
const NOT_FOUND: SinkFailure = { code: "StreamNotFound", class: "notReady", message: "not found", ambiguous: false };
const MAX_HASH = (1n << 128n) - 1n;
/** In all sequence numbers of a shard: one second later it was created. */
const CREATION_SECOND = 1n << 148n;
const FIRST_SEQUENCE_NUMBER = 49_500_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000n;

export function createModelKinesis(options: {
  clock: VirtualClock;
  random: Random;
  shards: number;
  requestTimeoutMs: number;
  /** The longest time between the departure of a request's last byte and its execution that is no late execution. */
  executedWithinMs: number;
  latencyMs: number;
  maxRecordBytes: number;
  /** ListShards is granted. */
  listable: boolean;
  note: (event: string) => void;
  /** Called with each thing that goes wrong. */
  met: (what: string) => void;
}): ModelKinesis {
  const { note, met, clock, random, requestTimeoutMs, executedWithinMs, latencyMs, maxRecordBytes } = options;
  let shards: ModelShard[] = [];
  /** Of the stream's former lives. */
  const former: ModelShard[] = [];
  let lives = 0n;
  let exists = true;
  const stored = new Set<string>();
  const exempt = new Set<string>();
  const requestSizes: number[] = [];
  let sequence = 0n;
  let shardCount = 0;
  let lateExecutions = 0;
  let misordered = 0;
  let aggregates = 0;
  let strays = 0;
  let doubled = 0;
  let overlaps = 0;
  /** Topics and keys with a record on its way, by worker. */
  const onTheirWay = new Map<string, Set<string>>();

  const lastSequenceNumber = (): bigint => FIRST_SEQUENCE_NUMBER + lives * CREATION_SECOND + sequence;
  const open = (start: bigint, end: bigint, parents: readonly string[]): void => {
    shards.push({
      shardId: `shardId-${String(shardCount).padStart(12, "0")}`,
      startingSequenceNumber: lastSequenceNumber(),
      start,
      end,
      parents,
      open: true,
      records: [],
    });
    shardCount += 1;
  };
  const create = (count: number): void => {
    const width = (MAX_HASH + 1n) / BigInt(count);
    for (let index = 0; index < count; index += 1) {
      open(BigInt(index) * width, index === count - 1 ? MAX_HASH : BigInt(index + 1) * width - 1n, []);
    }
  };
  create(options.shards);

  function execute(record: KinesisRecord, worker: string, late: boolean): RecordOutcome {
    if (model.notReady !== null) {
      met("a stream that is not ready");
      return { accepted: false, failure: model.notReady };
    }
    if (!exists) {
      met("a stream that does not exist");
      return { accepted: false, failure: NOT_FOUND };
    }
    if (random.chance(model.faults.recordFails)) {
      const failure = recordFailure(random);
      met(failure.class === "throttled" ? "a throttled record" : "a failed record");
      return { accepted: false, failure };
    }
    const hash = record.explicitHashKey === undefined ? hashOf(record.partitionKey) : BigInt(record.explicitHashKey);
    const openShards = shards.filter((shard) => shard.open);
    const shard = model.auto
      ? openShards[random.integer(0, openShards.length - 1)]
      : openShards.find(({ start, end }) => start <= hash && hash <= end);
    if (shard === undefined) throw new Error(`no open shard for ${hash}`);
    const parts = partsOf(record);
    const isAggregate = decodeAggregate(Buffer.from(record.data)) !== null;
    const stray = isAggregate && parts.some(({ key }) => hashOf(key) < shard.start || hashOf(key) > shard.end);
    if (isAggregate) aggregates += 1;
    if (stray) strays += 1;
    if (new Set(parts.map(({ data }) => data)).size < parts.length) doubled += 1;
    // Every other sequence number is left free for records that are sequenced too early.
    sequence += 1_000_000n;
    let sequenceNumber = lastSequenceNumber();
    let position = shard.records.length;
    const keys = new Set(parts.map(({ key }) => key));
    const exemptAll = (): void => {
      for (const part of parts) exempt.add(laneOf(part));
    };
    if (model.auto) exemptAll();
    const last = shard.records.findLastIndex((each) => each.parts.some(({ key }) => keys.has(key)));
    const earlier = shard.records[last];
    if (earlier !== undefined && random.chance(model.faults.misordered)) {
      misordered += 1;
      met("a record out of order");
      exemptAll();
      position = last;
      sequenceNumber = earlier.sequenceNumber - BigInt(misordered);
    }
    if (late) {
      lateExecutions += 1;
      met("a late execution");
      exemptAll();
    }
    shard.records.splice(position, 0, { parts, stray, sequenceNumber, at: clock.now(), worker });
    if (!stray) for (const { data } of parts) stored.add(data);
    const text = parts.map(({ data }) => data).join(" ");
    note(
      `${worker} ${late ? "late: " : ""}${stray ? "stray: " : ""}${text} → ${shard.shardId} #${lives}:${sequenceNumber - FIRST_SEQUENCE_NUMBER - lives * CREATION_SECOND}`,
    );
    if (random.chance(model.faults.unsure)) {
      met("a record without an answer of its own");
      return { accepted: false, failure: UNSURE };
    }
    return { accepted: true, shardId: shard.shardId, sequenceNumber: String(sequenceNumber) };
  }

  async function executeAll(records: readonly KinesisRecord[], worker: string, by: number, late: boolean) {
    // No order is promised between the records of a request.
    const outcomes: RecordOutcome[] = new Array(records.length);
    const started = clock.now();
    await Promise.all(
      records.map(async (record, index) => {
        await clock.sleep(Math.min(random.next() * latencyMs, Math.max(0, by - started)));
        outcomes[index] = execute(record, worker, late);
      }),
    );
    return outcomes;
  }

  /** The records leave; returns what is to be called when their outcome is told. */
  function depart(records: readonly KinesisRecord[], worker: string): () => void {
    const busy = onTheirWay.get(worker) ?? new Set();
    onTheirWay.set(worker, busy);
    const mine: string[] = [];
    for (const record of records) {
      const lanes = new Set(partsOf(record).map(laneOf));
      for (const lane of lanes) {
        if (busy.has(lane)) overlaps += 1;
        else mine.push(lane);
        busy.add(lane);
      }
    }
    return () => {
      for (const lane of mine.splice(0)) busy.delete(lane);
    };
  }

  function put(given: readonly KinesisRecord[], call: PutCall): Promise<RequestOutcome> {
    const { signal, mayLeave, worker, process } = call;
    // A request is a copy, whenever it is executed.
    const records = given.map(({ data, partitionKey, explicitHashKey }) => ({
      data: Buffer.from(data),
      partitionKey,
      ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
    }));
    requestSizes.push(records.length);
    const keys = new Set(records.map(({ partitionKey }) => partitionKey));
    for (const record of records) {
      if (record.data.byteLength + Buffer.byteLength(record.partitionKey) > maxRecordBytes)
        throw new Error("record too large");
    }
    if (keys.size === 0) throw new Error("an empty request");
    const settled = depart(records, worker);
    return new Promise((resolveWith) => {
      let begun = false;
      let isGivenUp = false;
      const resolve = (outcome: RequestOutcome): void => {
        settled();
        resolveWith(outcome);
      };
      const fail: Fail = (code, ambiguous, failureClass = "transient") =>
        resolve({ kind: "failed", failure: { code, class: failureClass, message: code, ambiguous } });
      const giveUp = (): void => {
        isGivenUp = true;
        fail("RequestTimeout", begun);
      };
      // What has left by then may still be executed, within the time that a new owner allows for it.
      signal.addEventListener("abort", giveUp, { once: true });
      process.clock.timer(requestTimeoutMs, giveUp);
      const leave = (pausesMs: readonly number[]): void => {
        if (isGivenUp) return;
        if (mayLeave?.() === false) return;
        begun = true;
        const [next, ...rest] = pausesMs;
        if (next !== undefined) process.clock.timer(next, () => leave(rest));
        else handOver();
      };
      const handOver = (): void => {
        const answer: Answer = {
          resolve: (outcome) => process.run(() => resolve(outcome)),
          fail: (...failure) => process.run(() => fail(...failure)),
        };
        if (!random.chance(model.faults.heldByKernel)) {
          travel(records, worker, answer);
          return;
        }
        met("bytes that a kernel holds");
        clock.timer(random.next() * HELD_MS, () => {
          // A kernel whose process stands still is beyond all promises.
          if (isGivenUp || process.standsStill) met("bytes that a reset drops");
          else travel(records, worker, answer);
        });
      };
      if (random.chance(model.faults.slowToLeave)) {
        met("a request that is slow to leave");
        const pauses = Array.from({ length: random.integer(0, 3) }, () => random.next() * SLOW_MS);
        process.clock.timer(random.next() * SLOW_MS, () => leave(pauses));
      } else leave([]);
    });
  }

  /** All of the request has left: what becomes of it is the network's and the service's. */
  function travel(records: readonly KinesisRecord[], worker: string, { resolve, fail }: Answer): void {
    const { faults } = model;
    const leftAt = clock.now();
    const draw = random.next();
    const within = (...probabilities: number[]): boolean => draw < probabilities.reduce((sum, one) => sum + one, 0);
    const executeIn = (ms: number, late: boolean, then: (outcomes: RecordOutcome[]) => void): void => {
      clock.timer(
        ms,
        () => void executeAll(records, worker, leftAt + (late ? Infinity : executedWithinMs), late).then(then),
      );
    };
    const delay = random.next() * latencyMs;
    // Mostly nearly as late as may be.
    const late = (): number => 1 - random.next() ** 2;
    if (records.some((record) => partsOf(record).some(({ data }) => model.invalid.has(data)))) {
      met("a refused record");
      clock.timer(delay, () => fail("RequestRejected", false, "invalid"));
    } else if (within(faults.refused)) {
      const isThrottled = random.chance(0.5);
      met(isThrottled ? "a throttled request" : "a refused request");
      clock.timer(delay, () => fail(isThrottled ? "Throttled" : "EndpointUnreachable", false));
    } else if (within(faults.refused, faults.silent)) {
      // Nothing comes but the deadline.
      met("a request that nobody executes or answers");
    } else if (within(faults.refused, faults.silent, faults.cut)) {
      met("a cut connection");
      // Before the execution or after it.
      clock.timer(delay, () => fail("EndpointUnreachable", true));
      executeIn(delay + late() * (executedWithinMs - 2 * latencyMs), false, () => {});
    } else if (within(faults.refused, faults.silent, faults.cut, faults.lostAnswer)) {
      // Lost, late, or stalled after its headers: to the pipeline it is all the same.
      met("an answer that does not come in time");
      executeIn(late() * (executedWithinMs - latencyMs), false, () => {});
    } else if (within(faults.refused, faults.silent, faults.cut, faults.lostAnswer, faults.executedLate)) {
      executeIn(executedWithinMs * (2 + random.next() * 3), true, () => {});
    } else {
      executeIn(delay, false, (outcomes) => {
        const isMiscounted = random.chance(faults.miscounted);
        if (isMiscounted) met("an answer with another number of records");
        const told = isMiscounted ? outcomes.slice(1) : outcomes;
        clock.timer(random.next() * latencyMs, () => resolve({ kind: "answered", records: told }));
      });
    }
  }

  async function look(): Promise<void> {
    await clock.sleep(random.next() * latencyMs);
    if (!exists) throw new SinkError(NOT_FOUND);
    if (!random.chance(model.faults.looksFail)) return;
    met("a look at the stream that fails");
    throw new SinkError({ code: "RequestTimeout", class: "transient", message: "no answer", ambiguous: true });
  }

  const model: ModelKinesis = {
    faults: NO_FAULTS,
    notReady: null,
    invalid: new Set(),
    auto: false,
    get aggregates() {
      return aggregates;
    },
    get doubled() {
      return doubled;
    },
    get overlaps() {
      return overlaps;
    },
    get strays() {
      return strays;
    },
    stored,
    exempt,
    requestSizes,
    get lateExecutions() {
      return lateExecutions;
    },
    get misordered() {
      return misordered;
    },
    sinkOf: (worker, process) => ({
      put: (records, signal, mayLeave) => put(records, { signal, mayLeave, worker, process }),
      describe: async () => {
        await look();
        return {
          name: "model",
          arn: "",
          status: "ACTIVE",
          openShards: shards.filter((shard) => shard.open).length,
          mode: "PROVISIONED",
          maxRecordBytes,
          recordDistribution: model.auto ? "AUTO" : "PARTITION_KEY",
        };
      },
      listShards: async () => {
        await look();
        if (!options.listable) {
          throw new SinkError({ code: "AccessDenied", class: "notReady", message: "no", ambiguous: false });
        }
        return shards.map(({ shardId, startingSequenceNumber, start, end, parents, open: isOpen }) => ({
          shardId,
          startingSequenceNumber: String(startingSequenceNumber),
          startingHashKey: start,
          endingHashKey: end,
          parents,
          open: isOpen,
        }));
      },
      close: () => {},
    }),
    remake: (count, afterMs) => {
      met("a stream made anew");
      note(`the stream is deleted, and made anew with ${count} shards`);
      former.push(...shards);
      shards = [];
      exists = afterMs === 0;
      const again = (): void => {
        exists = true;
        lives += 1n;
        shardCount = 0;
        create(count);
      };
      if (exists) again();
      else clock.timer(afterMs, again);
    },
    split: (draw) => {
      const candidates = shards.filter((shard) => shard.open && shard.end > shard.start);
      const shard = candidates[draw.integer(0, candidates.length - 1)];
      if (shard === undefined) return;
      const middle = (shard.start + shard.end) / 2n;
      met("a split");
      shard.open = false;
      open(shard.start, middle, [shard.shardId]);
      open(middle + 1n, shard.end, [shard.shardId]);
    },
    merge: (draw) => {
      const openShards = shards.filter((shard) => shard.open).sort((a, b) => (a.start < b.start ? -1 : 1));
      const index = draw.integer(0, openShards.length - 2);
      const [low, high] = [openShards[index], openShards[index + 1]];
      if (low === undefined || high === undefined) return;
      met("a merge");
      low.open = false;
      high.open = false;
      open(low.start, high.end, [low.shardId, high.shardId]);
    },
    // A child is opened after its parents, and its number says so.
    read: () =>
      [...former, ...shards].flatMap(({ records }) => records.flatMap(({ parts, stray }) => (stray ? [] : parts))),
  };
  return model;
}

function partsOf({ data, partitionKey }: KinesisRecord): readonly UserRecord[] {
  const parts = decodeAggregate(Buffer.from(data));
  if (parts === null) return [{ key: partitionKey, data: Buffer.from(data).toString() }];
  return parts.map((part) => ({ key: part.partitionKey, data: part.data.toString() }));
}

/** Topic and key of a message, whose text ends with its number. */
export function laneOf({ data }: UserRecord): string {
  return data.slice(0, data.lastIndexOf("|"));
}

function hashOf(key: string): bigint {
  return BigInt(`0x${createHash("md5").update(key).digest("hex")}`);
}

function recordFailure(random: Random): SinkFailure {
  return random.chance(0.5)
    ? { code: "Throttled", class: "throttled", message: "over the shard's limit", ambiguous: false }
    : { code: "ServiceFailure", class: "transient", message: "InternalFailure", ambiguous: false };
}
