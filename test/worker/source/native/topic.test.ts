import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../../runtime/clock.ts";
import type { NativeModule } from "../../../../worker/source/native/client.ts";
import type { NativeContext, NativeDelivery } from "../../../../worker/source/native/subscription.ts";
import { startNativeTopic } from "../../../../worker/source/native/topic.ts";
import { type Assignment, SourceError } from "../../../../worker/source/source.ts";
import { silentLog } from "../../../silent-log.ts";
import { plainBudget } from "../plain-budget.ts";
import { batchPart, nativeMessage, type ScriptedConsumer, scriptedConsumer, scriptedMessageIds } from "./script.ts";

const TOPIC = "persistent://public/default/t-partition-0";
const module = { MessageId: scriptedMessageIds } as unknown as NativeModule;
const FREE = 1_000_000;
const turn = (): Promise<void> => new Promise(setImmediate);

/** One topic over scripted consumers, with a clock whose sleeps end when the test says so. */
function start(options: Partial<NativeContext> = {}) {
  const events: string[] = [];
  const deliveries: NativeDelivery[] = [];
  const assignments: Assignment[] = [];
  const consumers: ScriptedConsumer[] = [];
  const sleeping: { readonly ms: number; readonly end: () => void }[] = [];
  let now = 1_000;
  const budget = plainBudget(FREE);
  let release = (): void => undefined;
  const context: NativeContext = {
    module,
    subscribe: async () => {
      const consumer = scriptedConsumer(events);
      consumers.push(consumer);
      return consumer;
    },
    handler: {
      assigned(assignment) {
        assignments.push(assignment);
        events.push("assigned");
      },
      revoked: ({ active }) => void events.push(`revoked ${active}`),
      deliver: (delivery) => void deliveries.push(delivery as NativeDelivery),
    },
    budget,
    complete: async () => undefined,
    isActive: null,
    watchKeys: null,
    clock: {
      ...systemClock,
      now: () => now,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) reject(signal.reason);
          signal?.addEventListener("abort", () => reject(signal.reason));
          sleeping.push({ ms, end: resolve });
        }),
    },
    log: silentLog,
    nextEpoch: () => assignments.length + 1,
    stopped: () => false,
    released: (_ms, signal) =>
      new Promise((resolve) => {
        release = resolve;
        signal.addEventListener("abort", () => resolve());
      }),
    ...options,
  };
  const topic = startNativeTopic({ name: TOPIC, late: false, create: true }, context);
  return {
    topic,
    events,
    deliveries,
    assignments,
    consumers,
    async sleepOver() {
      now += 2_000;
      for (const { end } of sleeping.splice(0)) end();
      await turn();
      await turn();
    },
    giveBack() {
      budget.giveBack(FREE - budget.free);
      release();
    },
    get now() {
      return now;
    },
  };
}

test("a batch receive is one delivery; a prefix is acknowledged by its last message", async () => {
  const { topic, consumers, deliveries, events } = start();
  await turn();
  consumers[0]?.give(nativeMessage(6), ...batchPart(7, 3, 0, 3));
  await turn();
  const [delivery] = deliveries;
  assert.deepEqual(
    delivery?.messages.map(({ id }) => id),
    ["5:6:0", "5:7:0:0", "5:7:0:1", "5:7:0:2"],
  );
  assert.equal(delivery?.redeliveryCount, 2);
  assert.equal(topic.subscription?.assignment, delivery?.assignment);
  if (delivery !== undefined) delivery.subscription.acknowledgeThrough(delivery);
  await topic.close();
  assert.deepEqual(events, ["assigned", "acknowledge through (5,7,0,2)", "revoked false", "close"]);
});

test("a Shared delivery costs one acknowledgement for each entry", async () => {
  const { topic, consumers, deliveries, events } = start();
  await turn();
  consumers[0]?.give(...batchPart(6, 100, 0, 100), ...batchPart(7, 100, 0, 30));
  await turn();
  consumers[0]?.give(...batchPart(7, 100, 30, 100));
  await turn();
  for (const delivery of deliveries.toReversed()) delivery.subscription.acknowledge(delivery);
  await topic.close();
  assert.deepEqual(events.filter((event) => event.startsWith("acknowledge")).sort(), [
    "acknowledge 080510061800",
    "acknowledge 080510071800",
  ]);
});

test("nothing is received while the budget is used up", async () => {
  const { topic, consumers, deliveries, giveBack } = start();
  await turn();
  consumers[0]?.give(nativeMessage(6, null, { getData: () => Buffer.alloc(FREE) }));
  consumers[0]?.give(nativeMessage(7));
  await turn();
  assert.equal(deliveries.length, 1);
  giveBack();
  await turn();
  assert.equal(deliveries.length, 2);
  await topic.close();
});

test("a lost connection ends the assignment, and the next subscription is another one", async () => {
  const { topic, consumers, events, assignments, sleepOver } = start();
  await turn();
  const [consumer] = consumers;
  assert.ok(consumer);
  consumer.connected = false;
  await sleepOver();
  assert.deepEqual(events, ["assigned", "revoked false", "close"]);
  await sleepOver();
  assert.equal(consumers.length, 2);
  assert.deepEqual(
    assignments.map(({ epoch, active }) => [epoch, active]),
    [
      [1, false],
      [2, true],
    ],
  );
  await topic.close();
});

test("a Failover consumer is assigned when it is named active, and loses it when another one is", async () => {
  let answer: boolean | Error = false;
  const isActive = async (): Promise<boolean> => {
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const tested = start({ isActive });
  await turn();
  await tested.sleepOver();
  assert.deepEqual(tested.events, []);
  answer = true;
  await tested.sleepOver();
  assert.deepEqual(tested.events, ["assigned"]);
  const [assignment] = tested.assignments;
  assert.equal(assignment?.answeredAt, tested.now);
  answer = new Error("the admin API is away");
  await tested.sleepOver();
  assert.equal(assignment?.answeredAt, tested.now - 2_000);
  answer = false;
  await tested.sleepOver();
  assert.deepEqual(tested.events, ["assigned", "revoked false", "close"]);
  await tested.topic.close();
});

test("a Failover consumer is assigned with its first message", async () => {
  const tested = start({ isActive: async () => true });
  await turn();
  assert.deepEqual(tested.events, []);
  tested.consumers[0]?.give(nativeMessage(6));
  await turn();
  assert.deepEqual(tested.events, ["assigned"]);
  assert.equal(tested.deliveries.length, 1);
  await tested.topic.close();
});

test("what cannot be subscribed, or completed, is a failure until it can", async () => {
  let failures = 2;
  const tested = start({
    complete: async () => {
      if (failures-- > 0) throw new SourceError("AdminUrlMissing", "set it");
    },
  });
  for (let round = 0; round < 2; round++) {
    await turn();
    tested.consumers.at(-1)?.give(nativeMessage(6));
    await turn();
    assert.equal(tested.topic.failure?.code, "AdminUrlMissing");
    assert.equal(tested.deliveries.length, 0);
    await tested.sleepOver();
    await tested.sleepOver();
  }
  tested.consumers.at(-1)?.give(nativeMessage(6));
  await turn();
  assert.equal(tested.deliveries.length, 1);
  assert.equal(tested.topic.failure, null);
  await tested.topic.close();
});
