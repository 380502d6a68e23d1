/**
 * The fake Kinesis endpoint as a process of its own that counts what it takes and keeps nothing. Started by
 * `fork(file, [stream])`; asked over the process channel.
 */
import { decodeAggregate } from "../../fakes/aggregate.ts";
import { type FakeKinesis, startFakeKinesis } from "../../fakes/kinesis.ts";
import { createStream } from "../../fakes/kinesis-stream.ts";
import type { ShardLimits } from "./row.ts";

/** Records, requests and bytes since the last `begin`. */
export interface EndpointCounts {
  readonly requests: number;
  readonly records: number;
  /** Records that met the limits of their shard. */
  readonly throttled: number;
  /** Data and partition keys of the records. */
  readonly bytes: number;
  /** PUT payload units: 25 KiB of a record begun (Kinesis pricing). */
  readonly putUnits: number;
  /** Epoch milliseconds at which the first record was taken; null before. */
  readonly firstAt: number | null;
  /**
   * Milliseconds from the time that a message carries to its record's arrival, one for each message since the last
   * question; empty unless asked for.
   */
  readonly latencies: readonly number[];
}

export type EndpointQuestion =
  | {
      readonly kind: "begin";
      readonly latencyMs: number;
      readonly shards: number;
      readonly limits: ShardLimits;
      /** Messages carry the time of their publishing. */
      readonly timed: boolean;
    }
  | { readonly kind: "counts" };

const PUT_UNIT_BYTES = 25 * 1024;
const COLLECT_EVERY_MS = 100;
/** The largest that Kinesis allows, so that messages of 1 MiB fit with their keys. */
const MAX_RECORD_KIB = 10_240;
const SLOW_SHARE = 0.1;

type Tally = { -readonly [Name in keyof EndpointCounts]: EndpointCounts[Name] } & { latencies: number[] };

function zero(): Tally {
  return { requests: 0, records: 0, throttled: 0, bytes: 0, putUnits: 0, firstAt: null, latencies: [] };
}

function begin(fake: FakeKinesis, name: string, question: EndpointQuestion & { kind: "begin" }): void {
  const stream = createStream(name, question.shards);
  stream.maxRecordSizeInKiB = MAX_RECORD_KIB;
  const [first] = stream.shards;
  if (question.limits === "oneSlow" && first !== undefined) first.share = SLOW_SHARE;
  fake.state.streams.set(name, stream);
  fake.state.shardLimits = question.limits !== "none";
  fake.requests.length = 0;
  fake.faults.set({ latencyMs: question.latencyMs });
}

/** Counts what came since the last call, and forgets it. */
function collect(fake: FakeKinesis, name: string, tally: Tally, timed: boolean): void {
  for (const shard of fake.stream(name).shards) {
    for (const { data, partitionKey, arrivedAt } of shard.records.splice(0)) {
      const size = data.length + Buffer.byteLength(partitionKey);
      tally.records += 1;
      tally.bytes += size;
      tally.putUnits += Math.ceil(size / PUT_UNIT_BYTES);
      tally.firstAt = Math.min(tally.firstAt ?? arrivedAt, arrivedAt);
      if (timed) for (const message of messagesOf(data)) tally.latencies.push(arrivedAt - Number.parseFloat(message));
    }
  }
  for (const { records, accepted } of fake.requests.splice(0)) {
    tally.requests += 1;
    tally.throttled += records - accepted;
  }
}

function messagesOf(data: Buffer): string[] {
  return (decodeAggregate(data) ?? [{ data }]).map((record) => record.data.toString("latin1", 0, 32));
}

const [, , streamName = ""] = process.argv;
const fake = await startFakeKinesis({ streams: { [streamName]: 1 }, tls: true });
let tally = zero();
let timed = false;
setInterval(() => collect(fake, streamName, tally, timed), COLLECT_EVERY_MS).unref();
process.on("message", (question: EndpointQuestion) => {
  if (question.kind === "begin") {
    begin(fake, streamName, question);
    tally = zero();
    timed = question.timed;
  }
  collect(fake, streamName, tally, timed);
  process.send?.(tally);
  tally.latencies = [];
});
// Ctrl-C reaches it too, and who started it still asks.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit());
process.send?.(fake.tlsUrl);
