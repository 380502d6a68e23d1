import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../../runtime/clock.ts";
import { connectTimeoutMs, createKinesisSink, type KinesisSinkOptions } from "../../../worker/sink/client.ts";
import { createCredentials } from "../../../worker/sink/credentials.ts";
import type { KinesisRecord, RequestOutcome, Sink, SinkFailure } from "../../../worker/sink/sink.ts";
import { type FakeKinesis, startFakeKinesis } from "../../fakes/kinesis.ts";
import { createStream, splitShard } from "../../fakes/kinesis-stream.ts";
import { until } from "../../until.ts";

const STREAM = "orders";
const never = new AbortController().signal;
let fake: FakeKinesis;
const open: Sink[] = [];

before(async () => {
  fake = await startFakeKinesis({ streams: { [STREAM]: 2 }, tls: true });
});
beforeEach(() => {
  fake.faults.reset();
  fake.refusedKeys.clear();
  fake.requests.length = 0;
});
after(async () => {
  for (const sink of open) sink.close();
  await fake.close();
});

let accessKey = "first";

function sinkOn(change: Partial<KinesisSinkOptions> = {}): Sink {
  const limits = {
    connectTimeout: 20_000,
    requestTimeout: 20_000,
    skipCertificateValidation: false,
    clock: systemClock,
  };
  const sink = createKinesisSink({
    ...limits,
    stream: STREAM,
    region: undefined,
    endpoint: fake.url,
    endpointPort: undefined,
    credentials: createCredentials({
      ...limits,
      pluginName: "",
      readParam: async () => JSON.stringify({ accessKey, secretKey: "secret" }),
      region: undefined,
      stsEndpoint: undefined,
      stsPort: undefined,
    }),
    maxConnections: 4,
    userAgent: { name: "test-agent", version: "1.2.3" },
    ...change,
  });
  open.push(sink);
  return sink;
}

function records(count: number): KinesisRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    data: Buffer.from(`data-${index}`),
    partitionKey: `k${index}`,
  }));
}

function failureOf(outcome: RequestOutcome): SinkFailure {
  assert.equal(outcome.kind, "failed");
  return outcome.kind === "failed" ? outcome.failure : assert.fail();
}

/** Records that the service has executed. */
function executed(): number {
  return fake.stream(STREAM).shards.reduce((sum, shard) => sum + shard.count, 0);
}

test("each record gets its shard and sequence number, in the order of the request", async () => {
  const sent = records(50);
  const outcome = await sinkOn().put(sent, never);
  assert.equal(outcome.kind, "answered");
  if (outcome.kind !== "answered") return;
  for (const [index, result] of outcome.records.entries()) {
    assert.ok(result.accepted);
    const shard = fake.stream(STREAM).shards.find(({ shardId }) => shardId === result.shardId);
    const stored = shard?.records.find(({ sequenceNumber }) => sequenceNumber === result.sequenceNumber);
    assert.deepEqual(stored?.data.toString(), `data-${index}`);
  }
  assert.match(fake.requests[0]?.userAgent ?? "", /test-agent\/1\.2\.3/);
});

test("a request of megabytes arrives as it is, with TLS and without", async () => {
  const size = 900_000;
  const sent = Array.from({ length: 5 }, (_, index) => ({ data: randomBytes(size), partitionKey: `large-${index}` }));
  for (const change of [{}, { endpoint: fake.tlsUrl, skipCertificateValidation: true }]) {
    const outcome = await sinkOn(change).put(sent, never);
    assert.equal(outcome.kind, "answered");
    for (const [index, result] of outcome.records.entries()) {
      assert.ok(result.accepted);
      const shard = fake.stream(STREAM).shards.find(({ shardId }) => shardId === result.shardId);
      const stored = shard?.records.find(({ sequenceNumber }) => sequenceNumber === result.sequenceNumber);
      assert.ok(stored?.data.equals(sent[index]?.data ?? Buffer.alloc(0)));
    }
  }
});

test("a connection that ends in the middle of a large request is a failure, and the next request is sound", async () => {
  const sent = Array.from({ length: 5 }, (_, index) => ({ data: randomBytes(900_000), partitionKey: `k${index}` }));
  let received = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received > 1_000_000) socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const failure = failureOf(await sinkOn({ endpoint: `http://127.0.0.1:${port}` }).put(sent, never));
  assert.equal(failure.code, "EndpointUnreachable");
  assert.ok(failure.ambiguous);
  server.close();
  const outcome = await sinkOn().put(sent, never);
  assert.ok(outcome.kind === "answered" && outcome.records.every(({ accepted }) => accepted));
});

test("failed records of an answered request are told apart", async () => {
  fake.faults.next({ kind: "failRecords", indices: [1], code: "InternalFailure" });
  const outcome = await sinkOn().put(records(3), never);
  assert.deepEqual(
    outcome.kind === "answered" && outcome.records.map((record) => record.accepted || record.failure.class),
    [true, "transient", true],
  );
});

test("a stream can be named by its ARN, whose region signs where none is given", async () => {
  const outcome = await sinkOn({ stream: fake.stream(STREAM).arn }).put(records(1), never);
  assert.equal(outcome.kind, "answered");
  const elsewhere = `arn:aws:kinesis:eu-west-1:000000000000:stream/${STREAM}`;
  assert.equal((await sinkOn({ stream: elsewhere }).put(records(1), never)).kind, "answered");
  assert.equal(fake.requests.at(-1)?.region, "eu-west-1");
});

test("a refused request is a failure without a retry", async () => {
  fake.faults.next({ kind: "reject", code: "KMSDisabledException" });
  assert.equal(failureOf(await sinkOn().put(records(1), never)).code, "KmsFailed");
  assert.equal(fake.requests.length, 1);
  assert.equal(failureOf(await sinkOn({ stream: "other" }).put(records(1), never)).code, "StreamNotFound");
});

test("a missing answer, a late one and one that stalls in the middle end at the deadline, ambiguous", async () => {
  const faults = [{ kind: "silent", executed: true }, { kind: "answerLate", ms: 5000 }, { kind: "stall" }] as const;
  for (const fault of faults) {
    fake.faults.next(fault);
    const before = executed();
    const started = performance.now();
    const failure = failureOf(await sinkOn({ requestTimeout: 1500 }).put(records(1), never));
    const took = performance.now() - started;
    assert.deepEqual([failure.code, failure.ambiguous], ["RequestTimeout", true], fault.kind);
    assert.ok(took >= 1490 && took < 4900, `${fault.kind} took ${took} ms`);
    assert.equal(executed(), before + 1);
  }
});

test("a connection that is cut after the service took the records is ambiguous", async () => {
  fake.faults.next({ kind: "cut", executed: true });
  const failure = failureOf(await sinkOn().put(records(1), never));
  assert.deepEqual([failure.code, failure.class, failure.ambiguous], ["EndpointUnreachable", "transient", true]);
});

test("an answer that speaks of another number of records, or of none, is ambiguous", async () => {
  for (const kind of ["shortAnswer", "garbage"] as const) {
    fake.faults.next({ kind });
    const failure = failureOf(await sinkOn().put(records(2), never));
    assert.deepEqual([failure.code, failure.ambiguous], ["AmbiguousAnswer", true], kind);
  }
});

test("an abort ends the request at once, ambiguous; before it was sent, not ambiguous", async () => {
  fake.faults.next({ kind: "silent", executed: false });
  const abort = new AbortController();
  const pending = sinkOn().put(records(1), abort.signal);
  await until("it has arrived", async () => fake.requests.length === 1, { pollMs: 10 });
  abort.abort();
  const started = performance.now();
  assert.equal(failureOf(await pending).ambiguous, true);
  assert.ok(performance.now() - started < 10_000);
  assert.equal(failureOf(await sinkOn().put(records(1), AbortSignal.abort())).ambiguous, false);
});

test("an endpoint that nobody listens on was not reached: not ambiguous", async () => {
  const failure = failureOf(await sinkOn({ endpoint: "http://127.0.0.1:1" }).put(records(1), never));
  assert.deepEqual([failure.code, failure.class, failure.ambiguous], ["EndpointUnreachable", "transient", false]);
});

test("there are never more requests than sockets, and those that wait go on", async () => {
  fake.faults.set({ latencyMs: 30 });
  const peakBefore = fake.connections.open;
  fake.connections.peak = peakBefore;
  const sink = sinkOn({ maxConnections: 3 });
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => sink.put(records(1), never)));
  assert.ok(outcomes.every(({ kind }) => kind === "answered"));
  assert.ok(fake.connections.peak - peakBefore <= 3, `${fake.connections.peak - peakBefore} connections`);
});

test("a request that waits for a socket does not use up its deadline, and can be aborted", async () => {
  fake.faults.next({ kind: "answerLate", ms: 1200 }, { kind: "answerLate", ms: 1200 });
  const sink = sinkOn({ maxConnections: 1, requestTimeout: 2200 });
  const abort = new AbortController();
  const [first, second, third] = [1, 2, 3].map((number) => sink.put(records(1), number === 3 ? abort.signal : never));
  abort.abort();
  assert.equal((await first)?.kind, "answered");
  assert.equal((await second)?.kind, "answered");
  assert.equal(failureOf((await third) ?? assert.fail()).ambiguous, false);
});

test("a request that ended at its deadline, or was aborted, gives its socket back", async () => {
  for (const fault of [{ kind: "silent", executed: false }, { kind: "stall" }] as const) {
    const sink = sinkOn({ maxConnections: 1, requestTimeout: 1_500 });
    fake.faults.next(fault, null);
    assert.equal(failureOf(await sink.put(records(1), never)).code, "RequestTimeout", fault.kind);
    assert.equal((await sink.put(records(1), never)).kind, "answered", fault.kind);
    const patient = sinkOn({ maxConnections: 1 });
    fake.faults.next(fault, null);
    const [abort, before] = [new AbortController(), fake.requests.length];
    const pending = patient.put(records(1), abort.signal);
    await until("it has arrived", async () => fake.requests.length > before, { pollMs: 10 });
    abort.abort();
    assert.equal(failureOf(await pending).ambiguous, true, fault.kind);
    assert.equal((await patient.put(records(1), never)).kind, "answered", fault.kind);
  }
});

test("requests at once do not write into each other's bodies", async () => {
  fake.faults.set({ latencyMs: 30 });
  const sink = sinkOn();
  const fills = Array.from({ length: 12 }, (_, index) => 65 + index);
  const put = (fill: number) => sink.put([{ data: Buffer.alloc(300_000, fill), partitionKey: `fill-${fill}` }], never);
  const outcomes = await Promise.all(fills.map(put));
  assert.ok(outcomes.every(({ kind }) => kind === "answered"));
  const stored = fake.stream(STREAM).shards.flatMap((shard) => shard.records);
  for (const fill of fills) {
    const record = stored.find(({ partitionKey }) => partitionKey === `fill-${fill}`);
    assert.ok(record?.data.equals(Buffer.alloc(300_000, fill)), `the record of ${fill}`);
  }
});

test("a request that waits for credentials is looked at again before it leaves", async () => {
  const identity = { accessKeyId: "a", secretAccessKey: "b" };
  const slow = { resolve: () => delay(500, identity), refresh: () => undefined };
  const sink = sinkOn({ credentials: slow });
  const abort = new AbortController();
  const failure = failureOf(
    await sink.put(records(1), abort.signal, () => {
      setImmediate(() => abort.abort());
      return false;
    }),
  );
  assert.equal(failure.ambiguous, false);
  assert.equal(fake.requests.length, 0);
  assert.equal((await sink.put(records(1), never, () => true)).kind, "answered");
});

test("connecting gets most of the shortest deadline, and leaves time to send of a long one", () => {
  assert.equal(connectTimeoutMs(6_000, 6_000), 5_750);
  assert.equal(connectTimeoutMs(1_000, 6_000), 1_000);
  assert.equal(connectTimeoutMs(6_000, 1_000), 750);
  assert.equal(connectTimeoutMs(6_000, 100), 75);
});

test("credentials that the service refuses are read again at once", async () => {
  accessKey = "old";
  const sink = sinkOn();
  assert.equal((await sink.put(records(1), never)).kind, "answered");
  fake.refusedKeys.set("old", "UnrecognizedClientException");
  accessKey = "new";
  assert.equal(failureOf(await sink.put(records(1), never)).code, "InvalidCredentials");
  assert.equal((await sink.put(records(1), never)).kind, "answered");
  assert.equal(fake.requests.at(-1)?.accessKey, "new");
});

test("a self-signed certificate is refused unless validation is skipped; a bare host means TLS", async () => {
  const { hostname, port } = new URL(fake.tlsUrl);
  const endpoint = { endpoint: hostname, endpointPort: Number(port) };
  const failure = failureOf(await sinkOn(endpoint).put(records(1), never));
  assert.deepEqual([failure.code, failure.class, failure.ambiguous], ["TlsFailed", "notReady", false]);
  assert.equal(
    (await sinkOn({ ...endpoint, skipCertificateValidation: true }).put(records(1), never)).kind,
    "answered",
  );
  const plain = failureOf(await sinkOn({ endpoint: fake.url.replace("http:", "https:") }).put(records(1), never));
  assert.equal(plain.code, "TlsFailed");
});

test("a private authority is trusted beside the well-known ones, followed when it changes, and what is none is told", async () => {
  const { hostname, port } = new URL(fake.tlsUrl);
  const certificates = [Buffer.from(fake.tlsAuthority)];
  let reads = 0;
  const ca = async (): Promise<Buffer> => {
    reads += 1;
    const [pem] = certificates;
    if (pem === undefined)
      throw Object.assign(new Error("Secret private-ca does not exist"), { code: "SecretMissing" });
    return pem;
  };
  // Each request has a connection of its own.
  const put = async () => await sinkOn({ endpoint: hostname, endpointPort: Number(port), ca }).put(records(1), never);
  assert.equal((await put()).kind, "answered");
  assert.equal(reads, 1);
  for (const none of ["", "what is this?", "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----"]) {
    certificates[0] = Buffer.from(none);
    const { code, class: kind, message } = failureOf(await put());
    assert.deepEqual([code, kind], ["TlsFailed", "notReady"], none);
    assert.match(message, /spec\.aws\.ca/);
    assert.doesNotMatch(message, /hunter2/);
  }
  certificates.length = 0;
  const missing = failureOf(await put());
  assert.deepEqual([missing.code, missing.class, missing.ambiguous], ["SecretMissing", "notReady", false]);
  assert.match(missing.message, /spec\.aws\.ca: Secret private-ca does not exist/);
});

test("a server that never speaks TLS ends at the deadline", async () => {
  // It is reset: the request is given up.
  const mute = createServer((socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const address = mute.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sink = sinkOn({ endpoint: "127.0.0.1", endpointPort: port, requestTimeout: 400 });
  assert.equal(failureOf(await sink.put(records(1), never)).code, "RequestTimeout");
  sink.close();
  mute.close();
});

test("the stream's description is read anew each time", async () => {
  const sink = sinkOn();
  assert.deepEqual(await sink.describe(never), {
    name: STREAM,
    arn: "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
    status: "ACTIVE",
    openShards: 2,
    mode: "PROVISIONED",
    maxRecordBytes: 1_048_576,
    recordDistribution: "PARTITION_KEY",
  });
  const stream = fake.stream(STREAM);
  Object.assign(stream, { recordDistribution: "AUTO", maxRecordSizeInKiB: 10_240 });
  const changed = await sink.describe(never);
  assert.deepEqual([changed.recordDistribution, changed.maxRecordBytes], ["AUTO", 10_485_760]);
  Object.assign(stream, { recordDistribution: "USER_PARTITION_KEY", maxRecordSizeInKiB: 1024 });
  await assert.rejects(() => sinkOn({ stream: "other" }).describe(never), {
    name: "SinkError",
    code: "StreamNotFound",
  });
});

test("all pages of the list of shards are read, closed shards included", async () => {
  const wide = createStream("wide", 2_100);
  const [first] = wide.shards;
  assert.ok(first);
  splitShard(wide, first, first.start + 10n);
  fake.state.streams.set("wide", wide);
  const shards = await sinkOn({ stream: "wide" }).listShards(never);
  assert.equal(shards.length, 2_102);
  assert.deepEqual(
    shards.filter((shard) => !shard.open).map(({ shardId }) => shardId),
    [first.shardId],
  );
  assert.deepEqual(shards.at(-1)?.parents, [first.shardId]);
});
