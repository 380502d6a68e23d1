import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createStream } from "../../e2e/stage.ts";
import { type Kinesis, startKinesis } from "../../env/kinesis/emulator.ts";
import { type Pulsar, startPulsar } from "../../env/pulsar/broker.ts";
import { readStream } from "../../fakes/read-stream.ts";
import { pulsarAdmin } from "../../load/pulsar-admin.ts";
import { CREDENTIALS_KEY, sinkManifest } from "../../load/sink-manifest.ts";
import { startWorker } from "../../load/worker-process.ts";
import { until } from "../../until.ts";
import { commandLine, type Ran } from "../command-line.ts";

const STREAM = "checked";
const TOPIC = "persistent://public/default/checked";

describe("check, on a real broker,", () => {
  let pulsar: Pulsar;
  let kinesis: Kinesis;
  let folder: string;
  let credentials: string;

  before(async () => {
    const log = (line: string) => console.error(line);
    folder = await mkdtemp(join(tmpdir(), "check-"));
    credentials = join(folder, "credentials.json");
    await writeFile(credentials, JSON.stringify({ accessKey: "key", secretKey: "hunter2-secret" }));
    [pulsar, kinesis] = await Promise.all([startPulsar({ log }), startKinesis({ log })]);
    await pulsarAdmin(pulsar.adminUrl).createPartitionedTopic(TOPIC, 2);
    await createStream(kinesis.endpoint, STREAM, 3);
  });
  after(async () => {
    await Promise.all([pulsar.close(), kinesis.close()]);
    await rm(folder, { recursive: true });
  });

  function manifest(config: object = {}, source: object = {}): object {
    const { serviceUrl, adminUrl } = pulsar;
    return sinkManifest(
      { name: "checked" },
      {
        config: { awsKinesisStreamName: STREAM, awsEndpoint: kinesis.endpoint, retainOrdering: true, ...config },
        pulsar: { serviceUrl, adminUrl, topics: [TOPIC], ...source },
      },
    );
  }

  async function check(config: object = {}, source: object = {}): Promise<Ran> {
    const secret = `${CREDENTIALS_KEY.name}/${CREDENTIALS_KEY.key}=${credentials}`;
    const ran = await commandLine(["check", "-f", "-", "--secret", secret], JSON.stringify(manifest(config, source)));
    assert.doesNotMatch(ran.stdout + ran.stderr, /hunter2/);
    return ran;
  }

  async function admin<T>(path: string): Promise<T> {
    const answer = await fetch(new URL(`/admin/v2/persistent/public/default${path}`, pulsar.adminUrl));
    assert.equal(answer.status, 200, path);
    return (await answer.json()) as T;
  }

  interface Stats {
    readonly subscriptions: Record<string, { readonly activeConsumerName?: string; readonly consumers: unknown[] }>;
  }
  const stats = (partition: number) => admin<Stats>(`/checked-partition-${partition}/stats`);

  it("finds all well, and leaves no subscription, topic or record behind", async () => {
    const topics = await admin<string[]>("");
    const { code, stdout } = await check();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^✓ broker: pulsar:.* without authentication$/m);
    assert.match(stdout, /^✓ topic persistent:\/\/public\/default\/checked: 2 topic partitions$/m);
    assert.match(stdout, /^✓ consuming persistent:\/\/public\/default\/checked: allowed, without a schema$/m);
    assert.match(stdout, /^✓ subscription \S+: does not exist yet, and will begin at Earliest$/m);
    assert.match(stdout, /^✓ stream checked: is ACTIVE, \w+, 3 open shards$/m);
    assert.match(stdout, /^✓ kinesis:ListShards: allowed$/m);
    assert.match(stdout, /^– kinesis:PutRecords: not tried/m);
    assert.deepEqual(await admin<string[]>(""), topics);
    for (const partition of [0, 1]) assert.deepEqual((await stats(partition)).subscriptions, {});
    assert.deepEqual((await readStream(kinesis.endpoint, STREAM)).records, []);
  });

  it("names a topic and a stream that are missing at once, and makes neither", async () => {
    const missing = "persistent://public/default/missing";
    const { code, stdout } = await check({ awsKinesisStreamName: "missing" }, { topics: [TOPIC, missing] });
    assert.equal(code, 1);
    assert.match(stdout, /^✓ topic persistent:\/\/public\/default\/checked/m);
    assert.match(stdout, /^✗ topic persistent:\/\/public\/default\/missing: TopicNotFound: .*create it/m);
    assert.match(stdout, /^✗ stream: StreamNotFound: .*create it/m);
    assert.ok(!(await admin<string[]>("")).some((name) => name.includes("missing")));
  });

  it("tells a namespace that is missing from one that has no such topic", async () => {
    const { stdout } = await check({}, { topics: ["persistent://public/nowhere/orders"] });
    assert.match(stdout, /^✗ namespace public\/nowhere: NamespaceNotFound: /m);
  });

  it("says what a pattern matches now", async () => {
    const pattern = (text: string) => ({ topics: undefined, topicsPattern: `persistent://public/default/${text}` });
    assert.match((await check({}, pattern("check.*"))).stdout, /^✓ pattern .*: 1 topics match, 2 topic partitions$/m);
    const none = await check({}, pattern("none.*"));
    assert.match(none.stdout, /^– pattern .*: no topic matches now/m);
    assert.equal(none.code, 0);
  });

  it("says when the admin API does not answer as it should", async () => {
    const { code, stdout } = await check({}, { adminUrl: "http://127.0.0.1:1" });
    assert.equal(code, 1);
    assert.match(stdout, /^✗ admin API: spec\.pulsar\.adminUrl: http:\/\/127\.0\.0\.1:1 cannot be reached/m);
    assert.match(stdout, /^✓ stream checked/m);
  });

  it("beside a running sink moves none of its partitions, and tells who reads; in another mode it would be refused", async () => {
    const worker = await startWorker(folder, { manifest: manifest() });
    try {
      await until("it runs", async () => /Running .*2 of 2 partitions/.test(worker.output()), { last: worker.output });
      const before = await Promise.all([stats(0), stats(1)]);
      const [name = ""] = Object.keys(before[0]?.subscriptions ?? {});
      const { code, stdout } = await check();
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^✓ subscription \S+: exists: 0 entries wait, 2 consumers read by it, and would share/m);
      const now = await Promise.all([stats(0), stats(1)]);
      const active = (all: readonly Stats[]) => all.map(({ subscriptions }) => subscriptions[name]?.activeConsumerName);
      assert.deepEqual(active(now), active(before));
      const other = await check({ retainOrdering: false });
      assert.equal(other.code, 1);
      assert.match(
        other.stdout,
        /^✗ subscription \S+: SubscriptionBusy: .*mode Failover, where this sink needs Shared/m,
      );
    } finally {
      await worker.stop();
    }
  });
});
