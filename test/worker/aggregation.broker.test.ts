import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createStream } from "../e2e/stage.ts";
import { type Kinesis, startKinesis } from "../env/kinesis/emulator.ts";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { type FakeKinesis, startFakeKinesis } from "../fakes/kinesis.ts";
import { type FakeStream, isOpen, mergeShards, splitShard } from "../fakes/kinesis-stream.ts";
import { readStream } from "../fakes/read-stream.ts";
import { pulsarAdmin } from "../load/pulsar-admin.ts";
import { sinkManifest } from "../load/sink-manifest.ts";
import { checkStream, createTraffic } from "../load/traffic.ts";
import { startWorker, type WorkerProcess } from "../load/worker-process.ts";
import { until } from "../until.ts";

const MESSAGES = 6_000;
const ROUNDS = 6;

describe("a worker that aggregates", { concurrency: true }, () => {
  let pulsar: Pulsar;
  let kinesis: Kinesis;
  let fake: FakeKinesis;
  let folder: string;
  const workers: WorkerProcess[] = [];

  before(async () => {
    const log = (line: string) => console.error(line);
    folder = await mkdtemp(join(tmpdir(), "aggregation-"));
    [pulsar, kinesis, fake] = await Promise.all([
      startPulsar({ log }),
      startKinesis({ log }),
      startFakeKinesis({ streams: { "resharded-ordered": 2, "resharded-unordered": 2 } }),
    ]);
  });
  after(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    await Promise.all([pulsar.close(), kinesis.close(), fake.close()]);
    await rm(folder, { recursive: true });
  });

  async function start(name: string, endpoint: string, ordered: boolean, lingerMillis = 0): Promise<WorkerProcess> {
    const config = {
      awsKinesisStreamName: name,
      awsEndpoint: endpoint,
      retainOrdering: ordered,
      aggregationEnabled: true,
      // Long enough that nothing is sent twice on a busy machine; a worker that keeps order waits for as long at its start.
      requestTimeout: 12_000,
    };
    const { serviceUrl, adminUrl } = pulsar;
    const spec = { config, lingerMillis, pulsar: { serviceUrl, adminUrl, topics: [name] } };
    const worker = await startWorker(folder, { manifest: sinkManifest({ name }, spec) });
    workers.push(worker);
    return worker;
  }

  /** Publishes in rounds, with something done between them, and checks what a consumer reads. */
  async function run(name: string, endpoint: string, ordered: boolean, between: (round: number) => void) {
    const topic = `persistent://public/default/${name}`;
    await pulsarAdmin(pulsar.adminUrl).createPartitionedTopic(topic, 2);
    const { output, stop } = await start(name, endpoint, ordered);
    const traffic = createTraffic({ serviceUrl: pulsar.serviceUrl, topic, partitions: 2, keys: 200 });
    const check = () => checkStream(traffic.produced, endpoint, name, ordered ? "ordered" : "unordered");
    for (let round = 0; round < ROUNDS; round += 1) {
      const published = traffic.publish(MESSAGES / ROUNDS);
      between(round);
      await published;
      const delivered = async () => (await check()).missing.length === 0;
      await until(`round ${round} is delivered`, delivered, { last: output });
    }
    await traffic.close();
    assert.equal(await stop(), 0, output());
    const result = await check();
    assert.ok(result.ok, result.explain());
    const content = await readStream(endpoint, name);
    assert.ok(
      content.records.some(({ aggregated }) => aggregated),
      "aggregates were sent",
    );
    return { result, content };
  }

  /** The Kinesis records of messages that are published one by one, 50 ms apart. */
  async function recordsOf(name: string, ordered: boolean, lingerMillis: number): Promise<number> {
    const topic = `persistent://public/default/${name}`;
    await pulsarAdmin(pulsar.adminUrl).createPartitionedTopic(topic, 1);
    await createStream(kinesis.endpoint, name, 1);
    const { output, stop } = await start(name, kinesis.endpoint, ordered, lingerMillis);
    const traffic = createTraffic({ serviceUrl: pulsar.serviceUrl, topic, partitions: 1, keys: 10 });
    const check = () => checkStream(traffic.produced, kinesis.endpoint, name, ordered ? "ordered" : "unordered");
    // What came before the worker was ready does not count: it waited with other records in any case.
    await traffic.publish(10);
    const delivered = async () => (await check()).missing.length === 0;
    await until("the first are delivered", delivered, { last: output });
    const { kinesisRecords: first } = await readStream(kinesis.endpoint, name);
    for (let count = 0; count < 40; count += 1) {
      await traffic.publish(1);
      await setTimeout(50);
    }
    await until("all are delivered", delivered, { last: output });
    const { kinesisRecords } = await readStream(kinesis.endpoint, name);
    await traffic.close();
    await stop();
    const result = await check();
    assert.ok(result.ok, result.explain());
    return kinesisRecords - first;
  }

  for (const ordered of [true, false]) {
    const mode = ordered ? "ordered" : "unordered";

    it(`packs more into a record ${mode} the longer messages may wait for others`, async () => {
      const [eager, patient] = await Promise.all([
        recordsOf(`eager-${mode}`, ordered, 0),
        recordsOf(`patient-${mode}`, ordered, 1_000),
      ]);
      assert.ok(patient < eager / 2, `${patient} records with a linger of a second, ${eager} without`);
    });

    it(`packs messages ${mode} so that a consumer reads each of them once`, async () => {
      await createStream(kinesis.endpoint, `packed-${mode}`, 2);
      const { result, content } = await run(`packed-${mode}`, kinesis.endpoint, ordered, () => {});
      assert.equal(result.duplicates, 0);
      assert.equal(content.droppedAggregates, 0);
      assert.ok(content.kinesisRecords < MESSAGES / 4, `${content.kinesisRecords} records for ${MESSAGES} messages`);
    });

    it(`loses nothing ${mode} while shards are split and merged`, async () => {
      const name = `resharded-${mode}`;
      const { content } = await run(name, fake.url, ordered, (round) => reshard(fake.stream(name), round));
      assert.equal(content.byShard.size, 2 + 2 * 3 + 2);
    });
  }
});

/** Splits the first open shard, or merges the first two: in turns, twice as many splits. */
function reshard(stream: FakeStream, round: number): void {
  const [first, second] = stream.shards.filter(isOpen).sort((a, b) => (a.start < b.start ? -1 : 1));
  if (round === 0 || first === undefined || second === undefined) return;
  if (round % 2 === 1) splitShard(stream, first, (first.start + first.end) / 2n);
  else mergeShards(stream, first, second);
}
