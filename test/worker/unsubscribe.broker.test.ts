/** Deleting a sink's subscription at a real broker, and the mode of the worker that does it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../runtime/clock.ts";
import { tokenAuthentication } from "../../worker/source/broker/authentication.ts";
import { SourceError } from "../../worker/source/source.ts";
import { type DeleteSubscriptionOptions, deleteSubscription } from "../../worker/source/wire/delete-subscription.ts";
import { silentLog } from "../silent-log.ts";
import { useBroker } from "./source/wire/broker-fixture.ts";
import { useReceivers } from "./source/wire/receiver.ts";

const ROOT = join(import.meta.dirname, "../..");
const MANY = 50;

describe("a sink's subscription", { timeout: 900_000 }, () => {
  const broker = useBroker({ auth: { users: {} } });
  const startReceiver = useReceivers();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "unsubscribe-"));
    await broker.admin("PUT", "namespaces/public/many");
  });
  after(() => rm(folder, { recursive: true }));

  const path = (topic: string): string => topic.replace("://", "/");
  const authentication = () => tokenAuthentication(async () => Buffer.from(broker.pulsar.token("admin")));
  const subscribed = (topic: string, subscription: string) =>
    broker.admin("PUT", `${path(topic)}/subscription/${subscription}`);
  const subscriptions = async (topic: string): Promise<string[]> =>
    ((await broker.admin("GET", `${path(topic)}/subscriptions`)) as string[]).toSorted();

  /** A topic with so many partitions, 0 for none, and these subscriptions. */
  async function topicWith(topic: string, partitions: number, ...names: string[]): Promise<string> {
    if (partitions === 0) await broker.admin("PUT", path(topic));
    else await broker.admin("PUT", `${path(topic)}/partitions`, partitions);
    for (const name of names) await subscribed(topic, name);
    return topic;
  }

  function remove(options: Partial<DeleteSubscriptionOptions>) {
    return deleteSubscription({
      serviceUrl: broker.pulsar.serviceUrl,
      authentication: authentication(),
      subscription: "sink",
      clock: systemClock,
      log: silentLog,
      signal: AbortSignal.timeout(60_000),
      ...options,
    });
  }

  test("goes from every partition of every topic, and no other with it", async () => {
    const partitioned = await topicWith(broker.topic(), MANY, "sink", "other");
    const plain = await topicWith(broker.topic(), 0, "sink", "other");
    assert.deepEqual(await remove({ topics: [partitioned, plain] }), { deleted: MANY + 1, absent: 0 });
    assert.deepEqual(await subscriptions(partitioned), ["other"]);
    assert.deepEqual(await subscriptions(plain), ["other"]);
  });

  test("is done where it or its topic does not exist, and makes neither", async () => {
    const plain = await topicWith(broker.topic(), 0, "other");
    const missing = broker.topic();
    await remove({ topics: [plain, missing, "persistent://public/nowhere/orders"] });
    assert.deepEqual(await subscriptions(plain), ["other"]);
    const topics = (await broker.admin("GET", "persistent/public/default")) as string[];
    assert.ok(!topics.includes(missing));
  });

  test("goes from the topics that a pattern matches, but for the dead letters'", async () => {
    const base = "persistent://public/many/orders";
    for (const name of ["a", "b", "dead"]) await topicWith(`${base}-${name}`, name === "b" ? 3 : 0, "sink");
    await topicWith("persistent://public/many/clicks", 0, "sink");
    const outcome = await remove({ topicsPattern: `${base}-.*`, exceptTopics: [`${base}-dead`] });
    assert.deepEqual(outcome, { deleted: 4, absent: 0 });
    for (const [name, left] of [
      ["orders-a", []],
      ["orders-b", []],
      ["orders-dead", ["sink"]],
      ["clicks", ["sink"]],
    ] as const) {
      assert.deepEqual(await subscriptions(`persistent://public/many/${name}`), left, name);
    }
  });

  for (const type of ["Shared", "Failover"] as const) {
    test(`stays while a ${type} consumer is there, and goes when that has gone`, async () => {
      const topic = await topicWith(broker.topic(), 2, "sink");
      const { source, until } = startReceiver({
        serviceUrl: broker.pulsar.serviceUrl,
        authentication: authentication(),
        topics: [topic],
        subscription: { name: "sink", type },
      });
      await until("it is connected", () => source.state().connected);
      await assert.rejects(
        remove({ topics: [topic], signal: AbortSignal.timeout(3_000) }),
        (error) => error instanceof SourceError && error.code === "SubscriptionBusy",
      );
      assert.deepEqual(await subscriptions(topic), ["sink"]);
      const removed = remove({ topics: [topic] });
      await source.close();
      assert.deepEqual(await removed, { deleted: 2, absent: 0 });
      assert.deepEqual(await subscriptions(topic), []);
    });
  }

  /** The exit code and what was printed. */
  async function run(topic: string, token: string): Promise<{ code: number; output: string }> {
    const keys = join(folder, Math.random().toString(36).slice(2));
    await mkdir(join(keys, "secrets/pulsar"), { recursive: true });
    await writeFile(join(keys, "secrets/pulsar/token"), token);
    const manifest = {
      apiVersion: "pulsar-kinesis.io/v1alpha1",
      kind: "KinesisSink",
      metadata: { name: "orders", namespace: "shop", uid: "1", generation: 1 },
      spec: {
        config: { awsKinesisStreamName: "orders", awsRegion: "us-west-2" },
        pulsar: { serviceUrl: broker.pulsar.serviceUrl, topics: [topic], auth: { token: { name: "pulsar" } } },
      },
    };
    const config = join(keys, "sink.json");
    await writeFile(config, JSON.stringify(manifest));
    const args = ["worker/main.ts", `--config=${config}`, `--keys=${keys}`, "--unsubscribe"];
    return await new Promise((resolve) => {
      execFile(process.execPath, args, { cwd: ROOT }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
      });
    });
  }

  test("goes by the worker's own mode, by the name that the sink gives it and with the sink's credentials", async () => {
    const topic = await topicWith(broker.topic(), 2, "shop.orders", "other");
    const { code, output } = await run(topic, broker.pulsar.token("admin"));
    assert.equal(code, 0, output);
    assert.match(output, /the subscription is deleted/);
    assert.deepEqual(await subscriptions(topic), ["other"]);
  });

  test("stays where the broker does not take the credentials, which is the last that the mode says", async () => {
    const topic = await topicWith(broker.topic(), 0, "shop.orders");
    const { code, output } = await run(topic, "not-a-token-hunter2");
    assert.equal(code, 1, output);
    assert.match(output.trim().split("\n").at(-1) ?? "", /check spec\.pulsar\.auth/);
    assert.doesNotMatch(output, /hunter2/);
    assert.deepEqual(await subscriptions(topic), ["shop.orders"]);
  });
});
