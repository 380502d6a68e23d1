import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  loadNativeClient,
  type NativeConsumerConfig,
  type NativeModule,
} from "../../../../worker/source/native/client.ts";
import { createNativeSource, openNativeSource } from "../../../../worker/source/native/source.ts";
import type { NativeSourceOptions } from "../../../../worker/source/options.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { type Delivery, SourceError } from "../../../../worker/source/source.ts";
import { silentLog } from "../../../silent-log.ts";
import { until } from "../../../until.ts";
import { plainBudget } from "../plain-budget.ts";
import { useScriptedBrokers } from "../scripted-broker.ts";
import { nativeMessage, type ScriptedConsumer, scriptedConsumer, scriptedMessageIds } from "./script.ts";

const installed = await loadNativeClient().then(
  () => true,
  () => false,
);

const options = {
  serviceUrl: "pulsar://127.0.0.1:1",
  topics: ["t"],
  subscription: { name: "s", type: "Failover", initialPosition: "Earliest" },
  budget: plainBudget(1_000_000),
  log: silentLog,
} as const;

test("asking for pulsar-client where it is missing says so and names the remedy", {
  skip: installed && "pulsar-client is installed",
}, async () => {
  await assert.rejects(createNativeSource(options), (error) => {
    assert.ok(error instanceof SourceError);
    assert.equal(error.code, "ClientMissing");
    assert.match(error.message, /spec\.pulsar\.client to Wire/);
    return true;
  });
});

test("a half-installed pulsar-client is missing too", async () => {
  const modules = {
    // As its own module does without the prebuilt library.
    "module.createRequire(import.meta.url)('./lib/binding/pulsar.node')": /Cannot find module .*pulsar\.node/,
    "export const Producer = class {}": /it has no Client/,
  };
  const folder = await mkdtemp(join(tmpdir(), "half-installed-"));
  try {
    for (const [index, [text, reason]] of Object.entries(modules).entries()) {
      const file = join(folder, `${index}.mjs`);
      await writeFile(file, `import module from "node:module";\n${text};\n`);
      const load = () => loadNativeClient(pathToFileURL(file).href);
      await assert.rejects(createNativeSource(options, load), { code: "ClientMissing", message: reason });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("keeping order without the admin API says what to set", async () => {
  const load = async (): Promise<NativeModule> => ({ Client: class {} }) as unknown as NativeModule;
  await assert.rejects(createNativeSource(options, load), {
    code: "AdminUrlMissing",
    message: /set spec\.pulsar\.adminUrl, or spec\.pulsar\.client to Wire/,
  });
});

const MiB = 1024 * 1024;
const startScriptedBroker = useScriptedBrokers();

/** A source over a scripted library and a broker whose topic has so many partitions, and no schema. */
async function openSource(t: TestContext, partitions: number, changes: Partial<NativeSourceOptions> = {}) {
  const broker = await startScriptedBroker((command, body, { send }) => {
    if (command === c.Command.PARTITIONED_METADATA) {
      const { requestId } = c.partitionedMetadata.decode(body);
      send(c.Command.PARTITIONED_METADATA_RESPONSE, c.partitionedMetadataResponse, {
        requestId,
        response: 0,
        partitions,
      });
      return true;
    }
    if (command !== c.Command.GET_SCHEMA) return false;
    const { requestId } = c.getSchema.decode(body);
    send(c.Command.GET_SCHEMA_RESPONSE, c.getSchemaResponse, { requestId, error: c.ServerError.TopicNotFound });
    return true;
  });
  const subscribed: NativeConsumerConfig[] = [];
  const consumers: ScriptedConsumer[] = [];
  const module = {
    MessageId: scriptedMessageIds,
    Client: class {
      async subscribe(config: NativeConsumerConfig): Promise<ScriptedConsumer> {
        const consumer = scriptedConsumer();
        subscribed.push(config);
        consumers.push(consumer);
        return consumer;
      }
      async close(): Promise<void> {}
    },
  } as unknown as NativeModule;
  const active = { subscriptions: { s: { activeConsumerName: "me" } } };
  const admin = { get: async () => active, header: async () => null };
  const deliveries: Delivery[] = [];
  const source = openNativeSource(
    { ...options, serviceUrl: broker.url, consumerName: "me", admin, ...changes },
    module,
  );
  t.after(async () => {
    await source.close();
    broker.close();
  });
  source.start({
    assigned: () => undefined,
    revoked: () => undefined,
    deliver: (delivery) => void deliveries.push(delivery),
  });
  const consumed = (count: number) =>
    until(`${count} topic-partitions`, async () => source.state().partitions === count, { pollMs: 10 });
  return { source, subscribed, consumers, deliveries, consumed };
}

const shared = { name: "s", type: "Shared", initialPosition: "Earliest" } as const;

test("an ordered worker subscribes to nothing while its memory limit cannot hold all topic-partitions", async (t) => {
  const { source, subscribed } = await openSource(t, 16, { memoryLimitBytes: 512 * MiB });
  const decided = async () => source.state().failure !== null || source.state().partitions > 0;
  await until("a failure or a subscription", decided, { pollMs: 10 });
  const { failure, connected, partitions } = source.state();
  assert.deepEqual([failure?.code, connected, partitions, subscribed], ["MemoryLimitTooLow", false, 0, []]);
  assert.match(failure?.message ?? "", /at least 1728Mi, or set spec\.pulsar\.client to Wire/);
});

for (const [what, changes] of [
  ["with the limit that it takes", { memoryLimitBytes: 1728 * MiB }],
  ["without a limit", { memoryLimitBytes: null }],
  ["unordered", { memoryLimitBytes: 512 * MiB, subscription: shared }],
] as const) {
  test(`a worker subscribes to all topic-partitions ${what}`, async (t) => {
    const { source, subscribed, consumed } = await openSource(t, 16, changes);
    await consumed(16);
    const { failure, connected } = source.state();
    assert.deepEqual([failure, connected, new Set(subscribed.map(({ topic }) => topic)).size], [null, true, 16]);
  });
}

test("what is delivered is acknowledged at the consumer that brought it", async (t) => {
  const { source, consumers, deliveries, consumed } = await openSource(t, 0, { subscription: shared });
  await consumed(1);
  const [consumer = assert.fail()] = consumers;
  consumer.give(nativeMessage(6), nativeMessage(7));
  await until("the delivery", async () => deliveries.length === 1, { pollMs: 10 });
  const [delivery = assert.fail()] = deliveries;
  const shrunk = source.shrink(delivery, delivery.messages.slice(1));
  assert.deepEqual([shrunk.messages.map(({ id }) => id), shrunk.retainedBytes], [["5:7:0"], 0]);
  source.acknowledge([shrunk]);
  await source.flush(AbortSignal.timeout(60_000));
  assert.deepEqual(consumer.calls, ["acknowledge (5,6,0,-1)", "acknowledge (5,7,0,-1)"]);
});

test("what is sent again comes from another consumer", async (t) => {
  const { source, consumers, deliveries, consumed } = await openSource(t, 0);
  await consumed(1);
  consumers[0]?.give(nativeMessage(6));
  await until("the delivery", async () => deliveries.length === 1, { pollMs: 10 });
  const [delivery = assert.fail()] = deliveries;
  source.acknowledgeThrough(delivery);
  source.rewind(delivery.assignment, 0);
  assert.equal(delivery.assignment.active, false);
  source.acknowledgeThrough(delivery);
  await until("another consumer", async () => consumers.length === 2, { pollMs: 10 });
  assert.deepEqual(consumers[0]?.calls, ["acknowledge through (5,6,0,-1)", "close"]);
  assert.throws(() => source.acknowledge([{ ...delivery, subscription: null } as Delivery]), TypeError);
});
