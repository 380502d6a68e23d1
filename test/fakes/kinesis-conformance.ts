import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { CreateStreamCommand, DescribeStreamSummaryCommand, type KinesisClient } from "@aws-sdk/client-kinesis";
import { systemClock } from "../../runtime/clock.ts";
import { createKinesisSink } from "../../worker/sink/client.ts";
import type { KinesisRecord, Sink } from "../../worker/sink/sink.ts";
import { kinesisClient } from "./read-stream.ts";

/** An endpoint of the Kinesis API, whoever serves it. */
export interface KinesisEndpoint {
  readonly url: string;
  readonly tlsUrl: string;
  close(): Promise<void>;
}

/** What the conformance tests do with an endpoint. */
export interface ConformanceBench {
  readonly endpoint: KinesisEndpoint;
  readonly client: KinesisClient;
  untilActive(streamName: string): Promise<void>;
  /** A new stream; resolves to its name once it is active. */
  newStream(shards: number): Promise<string>;
  sinkOn(stream: string, url?: string): Sink;
  close(): Promise<void>;
}

const never = new AbortController().signal;

export function createConformanceBench(endpoint: KinesisEndpoint): ConformanceBench {
  const client = kinesisClient(endpoint.url);
  const sinks: Sink[] = [];
  let lastStream = 0;
  const untilActive = async (StreamName: string): Promise<void> => {
    for (;;) {
      const { StreamDescriptionSummary: summary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
      if (summary?.StreamStatus === "ACTIVE") return;
      await delay(20);
    }
  };
  return {
    endpoint,
    client,
    untilActive,
    async newStream(ShardCount) {
      lastStream += 1;
      const StreamName = `stream-${lastStream}`;
      await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
      await untilActive(StreamName);
      return StreamName;
    },
    sinkOn(stream, url = endpoint.url) {
      const sink = openSink(stream, url);
      sinks.push(sink);
      return sink;
    },
    async close() {
      for (const sink of sinks) sink.close();
      client.destroy();
      await endpoint.close();
    },
  };
}

function openSink(stream: string, endpoint: string): Sink {
  return createKinesisSink({
    stream,
    region: undefined,
    endpoint,
    endpointPort: undefined,
    credentials: {
      resolve: async () => ({ accessKeyId: "key", secretAccessKey: "secret" }),
      refresh: () => undefined,
    },
    maxConnections: 4,
    connectTimeout: 6000,
    requestTimeout: 6000,
    skipCertificateValidation: true,
    userAgent: { name: "conformance", version: "1" },
    clock: systemClock,
  });
}

/** Shard of each record; every record must be accepted. */
export async function putAll(sink: Sink, records: readonly KinesisRecord[]): Promise<string[]> {
  const outcome = await sink.put(records, never);
  assert.equal(outcome.kind, "answered", JSON.stringify(outcome));
  if (outcome.kind !== "answered") return [];
  return outcome.records.map((record) => (record.accepted ? record.shardId : assert.fail(record.failure.message)));
}

/** Every one of these requests is refused as invalid. */
export async function refusesAll(
  sink: Sink,
  requests: Readonly<Record<string, readonly KinesisRecord[]>>,
): Promise<void> {
  for (const [what, records] of Object.entries(requests)) {
    const outcome = await sink.put(records, never);
    assert.equal(outcome.kind === "failed" ? outcome.failure.class : "accepted", "invalid", what);
  }
}
