/** How long nothing arrives while an ordered topic-partition changes its owner on a real broker. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseManifest } from "../../crds/validation/manifest.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createParts } from "../../worker/parts.ts";
import { createPeers } from "../../worker/peers/peers.ts";
import { createWorker, type Worker } from "../../worker/worker.ts";
import { type FakeKinesis, startFakeKinesis } from "../fakes/kinesis.ts";
import { pulsarAdmin } from "../load/pulsar-admin.ts";
import { sinkManifest } from "../load/sink-manifest.ts";
import { checkStream, createTraffic } from "../load/traffic.ts";
import { silentLog } from "../silent-log.ts";
import { until } from "../until.ts";
import { createModelLease, type ModelLease } from "./pipeline/simulation/model-lease.ts";
import { createProcess } from "./pipeline/simulation/process.ts";
import { createRandom } from "./pipeline/simulation/random.ts";
import { useBroker } from "./source/wire/broker-fixture.ts";

/** Of the test's machine, beside what the promise allows. */
const SLACK_MS = 1_500;
/** The broker's default: activeConsumerFailoverDelayTimeMillis. */
const FAILOVER_DELAY_MS = 1_000;

describe("an ordered topic-partition", { timeout: 300_000 }, () => {
  const broker = useBroker();
  let fake: FakeKinesis;
  before(async () => {
    fake = await startFakeKinesis({ streams: { "clean-end": 1 } });
  });
  after(() => fake.close());

  /** A topic of one partition with constant traffic, and workers of one sink. */
  async function open(t: TestContext, name: string) {
    const topic = `persistent://public/default/${name}`;
    const { serviceUrl, adminUrl } = broker.pulsar;
    await pulsarAdmin(adminUrl).createPartitionedTopic(topic, 1);
    const traffic = createTraffic({ serviceUrl, topic, partitions: 1, keys: 20 });
    const random = createRandom(1);
    const lease: ModelLease = createModelLease(systemClock, random, () => undefined);
    const config = {
      awsKinesisStreamName: name,
      awsEndpoint: fake.url,
      retainOrdering: true,
      aggregationEnabled: false,
    };
    const parsed = parseManifest(
      JSON.stringify(sinkManifest({ name }, { config, pulsar: { serviceUrl, topics: [topic] } })),
    );
    assert.ok(parsed.ok);
    const manifest = parsed.value;
    const start = (pod: string): Worker => {
      const client = lease.clientOf(createProcess(systemClock, random, 0));
      const parts = createParts({
        manifest,
        readKey: async () => Buffer.from('{"accessKey":"a","secretKey":"b"}'),
        privateKeys: () => assert.fail("no private keys are named"),
        readInlineParam: async () => "",
        consumerName: pod,
        memoryLimitBytes: 512 * 1024 * 1024,
        peers: createPeers({ client, path: "lease", clock: systemClock, log: silentLog, extraWaitMs: () => 0 }),
        clock: systemClock,
        log: silentLog,
      });
      const worker = createWorker({ manifest, parts, pod, configHash: null, clock: systemClock, log: silentLog });
      worker.start();
      workers.push(worker);
      return worker;
    };
    const workers: Worker[] = [];
    const stopped = new AbortController();
    const producing = (async () => {
      while (!stopped.signal.aborted) {
        await traffic.publish(5);
        await delay(50);
      }
    })();
    const records = () => fake.stream(name).shards.flatMap((shard) => shard.records);
    /** The longest time without a record since then. */
    const longestGap = (since: number): number => {
      const times = records().flatMap(({ arrivedAt }) => (arrivedAt >= since ? [arrivedAt] : []));
      return times.reduce((gap, time, index) => Math.max(gap, time - (times[index - 1] ?? since)), 0);
    };
    const untilWritten = async (since: number) =>
      await until("records arrive", async () => records().some(({ arrivedAt }) => arrivedAt > since), { pollMs: 20 });
    t.after(async () => {
      stopped.abort();
      await producing;
      for (const worker of workers) await worker.close();
      await traffic.close();
    });
    const finish = async () => {
      stopped.abort();
      await producing;
      const look = async () => (await checkStream(traffic.produced, fake.url, name, "ordered")).missing.length === 0;
      await until("all is delivered", look);
      const result = await checkStream(traffic.produced, fake.url, name, "ordered");
      assert.ok(result.ok, result.explain());
    };
    return { start, untilWritten, longestGap, finish };
  }

  const active = async (worker: Worker): Promise<void> =>
    void (await until("it is subscribed", async () => worker.facts().source?.connected === true, { pollMs: 20 }));

  test("whose owner ends in order is written for by the next one without a wait", async (t) => {
    const { start, untilWritten, longestGap, finish } = await open(t, "clean-end");
    const first = start("a");
    await active(first);
    start("b");
    await untilWritten(0);
    const since = Date.now();
    await first.drain(AbortSignal.timeout(10_000));
    await first.close();
    await untilWritten(since + 2_000);
    const gap = longestGap(since);
    t.diagnostic(`nothing arrived for ${gap} ms`);
    assert.ok(gap < FAILOVER_DELAY_MS + 500 + SLACK_MS, `${gap} ms`);
    await finish();
  });
});
