import assert from "node:assert/strict";
import { test } from "node:test";
import { createNativeSource } from "../../../worker/source/native.ts";
import {
  loadNativeClient,
  type NativeClientConfig,
  type NativeConsumerConfig,
  type NativeMessage,
  type NativeModule,
} from "../../../worker/source/native-client.ts";
import { type Delivery, SourceError } from "../../../worker/source/source.ts";
import { silentLog } from "./wire/silent-log.ts";

const installed = await loadNativeClient().then(
  () => true,
  () => false,
);

const options = {
  serviceUrl: "pulsar://127.0.0.1:1",
  topics: ["t"],
  subscription: { name: "s", type: "Failover", initialPosition: "Earliest" },
  budget: { free: 1_000_000, take: () => undefined, onRelease: () => undefined },
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
  const load = async (): Promise<NativeModule> => {
    throw new SourceError("ClientMissing", "pulsar-client cannot be loaded");
  };
  await assert.rejects(createNativeSource(options, load), { code: "ClientMissing" });
});

/** Says what pulsar-client was asked, and gives out one batch. The library itself is tested where it is installed. */
function scriptedModule(batch: readonly NativeMessage[]) {
  const calls: string[] = [];
  const configs: (NativeClientConfig | NativeConsumerConfig)[] = [];
  class Client {
    constructor(config: NativeClientConfig) {
      configs.push(config);
    }
    getPartitionsForTopic = async (topic: string): Promise<string[]> => [
      `persistent://public/default/${topic}-partition-0`,
    ];
    close = async (): Promise<void> => void calls.push("close client");
    createProducer = async (): Promise<never> => Promise.reject(new Error("not here"));
    subscribe = async (config: NativeConsumerConfig) => {
      configs.push(config);
      let given = false;
      const over = Promise.withResolvers<NativeMessage[]>();
      return {
        batchReceive: (): Promise<NativeMessage[]> => {
          if (given) return over.promise;
          given = true;
          return Promise.resolve([...batch]);
        },
        acknowledgeId: async (id: object): Promise<void> => void calls.push(`ack ${id}`),
        acknowledgeCumulativeId: async (id: object): Promise<void> => void calls.push(`ack through ${id}`),
        isConnected: () => true,
        close: async (): Promise<void> => {
          calls.push("close consumer");
          over.reject(new Error("AlreadyClosed"));
        },
      };
    };
  }
  class Authentication {}
  const module: NativeModule = {
    Client,
    AuthenticationToken: Authentication,
    AuthenticationBasic: Authentication,
    AuthenticationTls: Authentication,
  };
  return { module, calls, configs };
}

function nativeMessage(index: number): NativeMessage {
  return {
    getProperties: () => ({ n: String(index) }),
    getData: () => Buffer.from(`m${index}`),
    getMessageId: () => ({ toString: () => `(5,6,0,${index})` }),
    getPublishTimestamp: () => 7,
    getEventTimestamp: () => 0,
    getRedeliveryCount: () => 2,
    getPartitionKey: () => (index === 0 ? "" : "k"),
    getOrderingKey: () => "",
    getProducerName: () => "p",
    getEncryptionContext: () => null,
  };
}

test("a batch receive is one delivery; the prefix is acknowledged by its last message", async () => {
  const { module, calls, configs } = scriptedModule([nativeMessage(0), nativeMessage(1)]);
  const source = await createNativeSource(options, async () => module);
  const { promise, resolve } = Promise.withResolvers<Delivery>();
  const events: string[] = [];
  source.start({
    assigned: ({ topic }) => void events.push(`assigned ${topic}`),
    revoked: ({ topic, active }) => void events.push(`revoked ${topic} ${active}`),
    deliver: resolve,
  });
  const delivery = await promise;
  assert.deepEqual(
    delivery.messages.map(({ id, key, eventTime, payload, properties }) => [
      id,
      key,
      eventTime,
      String(payload),
      properties.get("n"),
    ]),
    [
      ["5:6:0:0", null, null, "m0", "0"],
      ["5:6:0:1", "k", null, "m1", "1"],
    ],
  );
  assert.equal(delivery.redeliveryCount, 2);
  assert.equal(source.state().connected, true);
  source.acknowledgeThrough(delivery);
  await source.flush(AbortSignal.timeout(1_000));
  await source.close();
  assert.deepEqual(calls.slice(0, 2), ["ack through (5,6,0,1)", "close consumer"]);
  assert.deepEqual(events, [
    "assigned persistent://public/default/t-partition-0",
    "revoked persistent://public/default/t-partition-0 false",
  ]);
  assert.equal((configs[1] as NativeConsumerConfig).subscriptionType, "Failover");
});
