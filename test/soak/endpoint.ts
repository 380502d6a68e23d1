/** Both streams of a soak: what is stored in them is held to the guarantee as it comes, and forgotten. */

import { startFakeKinesis } from "../fakes/kinesis.ts";
import { STREAM_OPERATIONS } from "../fakes/kinesis-operations.ts";
import { type FakeStream, isOpen, mergeShards, splitShard } from "../fakes/kinesis-stream.ts";
import { userRecords } from "../fakes/read-stream.ts";
import { startRelay } from "../faults/relay.ts";
import { type GuaranteeTracker, MODES, type Mode, type Numbered, trackGuarantee } from "../load/guarantee.ts";
import { numbered } from "../load/traffic.ts";
import { createRandom } from "../worker/pipeline/simulation/random.ts";
import { type PipelineResult, pipelineResult, Stalls } from "./rules.ts";

const SHARDS = 8;
const FEWEST_SHARDS = 4;
const MOST_SHARDS = 16;
const COLLECT_EVERY_MS = 50;

/** How far one topic-partition is, in one pipeline. */
interface Mark {
  produced: number;
  /** Messages that were read at least once. */
  read: number;
  /** At the last look. */
  seen: number;
}

class Pipeline {
  readonly mode: Mode;
  readonly tracker: GuaranteeTracker;
  readonly marks = new Map<string, Mark>();
  readonly stalls = new Stalls();
  /** Sequences of which a request was executed when its sender had given it up. */
  readonly late = new Set<string>();
  lateRequests = 0;
  read = 0;
  readonly #highest = new Map<string, number>();

  constructor(mode: Mode) {
    this.mode = mode;
    this.tracker = trackGuarantee(mode);
  }

  produced(message: Numbered): void {
    this.tracker.produced(message);
    this.#markOf(message.topicPartition).produced += 1;
  }

  took(message: Numbered, isLate: boolean): void {
    this.read += 1;
    this.tracker.read(message);
    const name = nameOf(message);
    if (isLate) this.late.add(name);
    const highest = this.#highest.get(name) ?? 0;
    if (message.number <= highest) return;
    this.#highest.set(name, message.number);
    this.#markOf(message.topicPartition).read += message.number - highest;
  }

  /** @param seconds since the last look that count */
  look(seconds: number): void {
    for (const [topicPartition, mark] of this.marks) {
      this.stalls.look(topicPartition, mark.read < mark.produced, mark.read > mark.seen, seconds);
      mark.seen = mark.read;
    }
  }

  behind(wanted: (topicPartition: string) => boolean): number {
    let sum = 0;
    for (const [name, { produced, read }] of this.marks) if (wanted(name)) sum += Math.max(0, produced - read);
    return sum;
  }

  result(): PipelineResult {
    const produced = [...this.marks.values()].reduce((sum, mark) => sum + mark.produced, 0);
    return pipelineResult(this.mode, this.tracker.result(), (message) => this.late.has(nameOf(message)), {
      ...{ produced, lateRequests: this.lateRequests, lateSequences: this.late.size },
      longestStall: Math.max(0, ...this.stalls.longest.values()),
    });
  }

  #markOf(topicPartition: string): Mark {
    const known = this.marks.get(topicPartition);
    if (known !== undefined) return known;
    const mark = { produced: 0, read: 0, seen: 0 };
    this.marks.set(topicPartition, mark);
    return mark;
  }
}

function nameOf({ topicPartition, key }: Numbered): string {
  return `${topicPartition} ${key}`;
}

export interface SoakEndpoint {
  readonly url: string;
  readonly pipelines: readonly Pipeline[];
  produced(message: Numbered): void;
  down(): Promise<void>;
  up(): Promise<void>;
  setFaults(plan: object): void;
  reshard(seed: number): void;
  deleteStream(mode: string): void;
  createStream(mode: string, shards: number): void;
  collect(): void;
}

/** @param host the address that workers reach */
export async function openEndpoint(host: string): Promise<SoakEndpoint> {
  const fake = await startFakeKinesis({ host, streams: Object.fromEntries(MODES.map((mode) => [mode, SHARDS])) });
  const relay = await startRelay(fake.url);
  const pipelines = MODES.map((mode) => new Pipeline(mode));
  const collect = (): void => {
    const late = new Set<string>();
    for (const { requestId, abandoned, accepted } of fake.requests.splice(0)) {
      if (abandoned && accepted > 0) late.add(requestId);
    }
    for (const pipeline of pipelines) {
      const stream = fake.state.streams.get(pipeline.mode);
      if (stream !== undefined) pipeline.lateRequests += take(stream, pipeline, late);
    }
  };
  setInterval(collect, COLLECT_EVERY_MS).unref();
  const operate = (operation: string, input: object): void => {
    collect();
    STREAM_OPERATIONS[operation]?.(fake.state, input as Record<string, unknown>, "");
  };
  return {
    ...{ url: relay.url, pipelines, collect, down: relay.down, up: relay.up },
    produced: (message) => {
      for (const pipeline of pipelines) pipeline.produced(message);
    },
    setFaults: (plan) => {
      fake.faults.reset();
      fake.faults.set(plan);
    },
    reshard: (seed) => {
      collect();
      for (const mode of MODES) reshard(fake.state.streams.get(mode), seed);
    },
    deleteStream: (mode) => operate("DeleteStream", { StreamName: mode }),
    createStream: (mode, shards) => operate("CreateStream", { StreamName: mode, ShardCount: shards }),
  };
}

/** Takes what the stream holds, shards after their parents. Returns how many requests of it came late. */
function take(stream: FakeStream, pipeline: Pipeline, late: ReadonlySet<string>): number {
  const requests = new Set<string>();
  for (const shard of stream.shards) {
    for (const record of shard.records.splice(0)) {
      const isLate = late.has(record.requestId);
      if (isLate) requests.add(record.requestId);
      for (const each of userRecords(shard, record)) pipeline.took(messageOf(each), isLate);
    }
  }
  return requests.size;
}

/** What nobody produced is told as that. */
function messageOf(record: Parameters<typeof numbered>[0]): Numbered {
  try {
    return numbered(record);
  } catch {
    return { topicPartition: "nobody's", key: record.data.toString("latin1", 0, 40), number: 1 };
  }
}

function reshard(stream: FakeStream | undefined, seed: number): void {
  if (stream === undefined) return;
  const random = createRandom(seed);
  const open = stream.shards.filter(isOpen).sort((one, other) => (one.start < other.start ? -1 : 1));
  const at = random.integer(0, open.length - 2);
  const [shard, next] = [open[at], open[at + 1]];
  if (shard === undefined || next === undefined) return;
  const grow = open.length <= FEWEST_SHARDS || (open.length < MOST_SHARDS && random.chance(0.5));
  if (grow) splitShard(stream, shard, (shard.start + shard.end) / 2n);
  else mergeShards(stream, shard, next);
}
