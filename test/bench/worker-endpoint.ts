/**
 * The fake Kinesis endpoint as a process of its own that counts what it takes and keeps nothing. Started by
 * `fork(file, [stream, shards])`; asked over the process channel.
 */
import { decodeAggregate } from "../fakes/aggregate.ts";
import { type FakeKinesis, startFakeKinesis } from "../fakes/kinesis.ts";

/** Records, requests and bytes since the last `begin`. */
export interface EndpointCounts {
  readonly requests: number;
  readonly records: number;
  readonly bytes: number;
  /** PUT payload units: 25 KiB of a record begun (Kinesis pricing). */
  readonly putUnits: number;
  /** Epoch milliseconds at which the first record was taken; null before. */
  readonly firstAt: number | null;
  /** Milliseconds from the time that a message carries to its record's arrival; empty unless asked for. */
  readonly latencies: readonly number[];
}

export type EndpointQuestion =
  | { readonly kind: "begin"; readonly latencyMs: number; readonly timed: boolean }
  | { readonly kind: "counts" };

const PUT_UNIT_BYTES = 25 * 1024;
const COLLECT_EVERY_MS = 100;

function createTally(fake: FakeKinesis, streamName: string) {
  let counts: EndpointCounts = zero();
  let timed = false;
  const collect = (): void => {
    let { records, bytes, putUnits, firstAt } = counts;
    const latencies = [...counts.latencies];
    for (const shard of fake.stream(streamName).shards) {
      for (const { data, partitionKey, arrivedAt } of shard.records.splice(0)) {
        const size = data.length + Buffer.byteLength(partitionKey);
        records += 1;
        bytes += size;
        putUnits += Math.ceil(size / PUT_UNIT_BYTES);
        firstAt = Math.min(firstAt ?? arrivedAt, arrivedAt);
        if (timed) latencies.push(...messagesOf(data).map((message) => arrivedAt - Number.parseFloat(message)));
      }
    }
    const requests = counts.requests + fake.requests.splice(0).length;
    counts = { requests, records, bytes, putUnits, firstAt, latencies };
  };
  return {
    collect,
    counts: () => {
      collect();
      return counts;
    },
    begin: (withLatencies: boolean) => {
      collect();
      counts = zero();
      timed = withLatencies;
    },
  };
}

function zero(): EndpointCounts {
  return { requests: 0, records: 0, bytes: 0, putUnits: 0, firstAt: null, latencies: [] };
}

function messagesOf(data: Buffer): string[] {
  return (decodeAggregate(data) ?? [{ data }]).map((record) => record.data.toString("latin1"));
}

const [, , streamName = "bench", shards = "64"] = process.argv;
const fake = await startFakeKinesis({ streams: { [streamName]: Number(shards) }, tls: true });
const tally = createTally(fake, streamName);
setInterval(tally.collect, COLLECT_EVERY_MS).unref();
process.on("message", (question: EndpointQuestion) => {
  if (question.kind === "begin") {
    fake.faults.set({ latencyMs: question.latencyMs });
    tally.begin(question.timed);
  }
  process.send?.(tally.counts());
});
process.on("disconnect", () => process.exit());
process.send?.(fake.tlsUrl);
