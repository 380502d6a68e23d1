import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../../../../runtime/clock.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import type { SourceFailure } from "../../../../worker/source/source.ts";
import { type Answer, type Peer, type ScriptedBroker, useScriptedBrokers } from "../scripted-broker.ts";
import { type Receiver, useReceivers } from "./receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

/** Answers a SUBSCRIBE by saying that the topic was migrated there. */
const migratedTo =
  (there: { readonly brokerServiceUrl?: string; readonly brokerServiceUrlTls?: string }): Answer =>
  (command, body, { send }) => {
    if (command !== Command.SUBSCRIBE) return false;
    const resourceId = c.subscribe.decode(body).consumerId;
    send(Command.TOPIC_MIGRATED, c.topicMigrated, { resourceId, resourceType: c.MigratedResource.Consumer, ...there });
    return true;
  };

test("a topic that went to another cluster is told of, with the way there, where it is not to be followed", async () => {
  const green = { brokerServiceUrl: "pulsar://green:6650" };
  const authentication = { method: "token", credentials: async () => Buffer.from("secret-token") };
  const cases = [
    [green, { subscription: { type: "Failover" } }, /pulsar:\/\/green:6650.*order is not kept/],
    [
      green,
      { authentication },
      /pulsar:\/\/green:6650.*credentials are sent only to a host whose certificate is verified/,
    ],
    [{ brokerServiceUrlTls: "pulsar+ssl://green:6651" }, {}, /another cluster.*names no plain address/],
    [{ brokerServiceUrl: "pulsar+ssl://green:6651" }, {}, /no address of the scheme/],
    [{ brokerServiceUrl: "pulsar://green\u001b[2J:6650" }, {}, /no address of the scheme/],
  ] as const;
  for (const [there, options, message] of cases) {
    const broker = await startBroker(migratedTo(there));
    const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], ...options });
    await receiver.until("it fails", () => receiver.source.state().failure !== null);
    const { failure } = receiver.source.state();
    assert.equal(failure?.code, "TopicMigrated");
    assert.match(failure?.message ?? "", message);
    assert.match(failure?.message ?? "", /: set spec\.pulsar\.serviceUrl to that cluster$/);
  }
});

test("an unordered source follows a topic to another cluster, from its start, with the schemas that are there", async () => {
  const peers: Peer[] = [];
  const schemaOf =
    (type: number): Answer =>
    (command, body, { send }) => {
      if (command !== Command.GET_SCHEMA) return false;
      const { requestId } = c.getSchema.decode(body);
      send(Command.GET_SCHEMA_RESPONSE, c.getSchemaResponse, { requestId, schema: { type, data: Buffer.from("{}") } });
      return true;
    };
  const green = await startBroker(schemaOf(1));
  const blue = await startBroker((command, body, peer) => {
    if (command === Command.FLOW) {
      peers.push(peer);
      peer.sendMessage(c.flow.decode(body).consumerId ?? 0, 0, "blue");
    }
    return schemaOf(2)(command, body, peer);
  });
  const subscription = { initialPosition: "Latest" } as const;
  const receiver = startReceiver({ serviceUrl: blue.url, topics: [TOPIC], subscription, acknowledge: true });
  await receiver.received(1);
  const { schemas } = receiver.source;
  assert.equal((await schemas.schema(TOPIC, Buffer.alloc(8)))?.type, "JSON");
  const acknowledged = () => blue.commands.some(({ command }) => command === Command.ACK);
  await receiver.until("it is acknowledged", acknowledged);
  const subscribed = (broker: ScriptedBroker) =>
    broker.commands.filter(({ command }) => command === Command.SUBSCRIBE).map(({ body }) => c.subscribe.decode(body));
  const [before] = subscribed(blue);
  const there = { resourceType: c.MigratedResource.Consumer, brokerServiceUrl: green.url };
  peers[0]?.send(Command.TOPIC_MIGRATED, c.topicMigrated, { resourceId: before?.consumerId, ...there });
  await receiver.until(
    "it is subscribed there",
    () => subscribed(green).length === 1 && receiver.source.state().connected,
  );
  assert.equal(before?.initialPosition, c.InitialPosition.Latest);
  assert.equal(subscribed(green)[0]?.initialPosition, c.InitialPosition.Earliest);
  assert.equal((await schemas.schema(TOPIC, Buffer.alloc(8)))?.type, "STRING");
  assert.deepEqual(
    receiver.assignments.map(({ cluster }) => cluster),
    [undefined, green.url],
  );
  const kinds = green.commands.map(({ command }) => command);
  assert.ok(kinds.includes(Command.LOOKUP));
  assert.ok(!kinds.includes(Command.ACK), "ids of the other cluster mean nothing there");
});

for (const [title, assigned] of [
  ["is subscribed to there, without a lookup", (there: string) => ({ assignedBrokerServiceUrl: there })],
  ["is looked up where the address is of no use", () => ({ assignedBrokerServiceUrl: "pulsar://127.0.0.1:1" })],
  [
    "is looked up where the address is of another scheme",
    () => ({ assignedBrokerServiceUrlTls: "pulsar+ssl://b:6651" }),
  ],
] as const) {
  test(`a topic whose broker names the next one ${title}`, async () => {
    const next = await startBroker();
    let closed = false;
    const broker = await startBroker((command, body, { send }) => {
      if (command !== Command.FLOW || closed) return false;
      closed = true;
      const { consumerId } = c.flow.decode(body);
      send(Command.CLOSE_CONSUMER, c.closeConsumer, { consumerId, ...assigned(next.url) });
      return true;
    });
    const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
    const times = (of: ScriptedBroker, wanted: number) =>
      of.commands.filter(({ command }) => command === wanted).length;
    const direct = title.includes("without");
    const subscribed = () => times(direct ? next : broker, Command.SUBSCRIBE) === (direct ? 1 : 2);
    await receiver.until("it is subscribed again", () => subscribed() && receiver.source.state().connected);
    assert.equal(times(broker, Command.LOOKUP), direct ? 1 : 2);
  });
}

test("a subscription is begun at its start where all others were there before", async () => {
  const positions: (number | undefined)[] = [];
  const broker = await startBroker((command, body) => {
    if (command === Command.SUBSCRIBE) positions.push(c.subscribe.decode(body).initialPosition);
    return false;
  });
  for (const existed of [false, true]) {
    const subscription = { initialPosition: "Latest", existed } as const;
    const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription });
    await receiver.until("it is subscribed", () => receiver.source.state().connected);
  }
  assert.deepEqual(positions, [c.InitialPosition.Latest, c.InitialPosition.Earliest]);
});

test("a Failover consumer delivers while it is active, and not before or after", async () => {
  let peer: Peer | null = null;
  let consumerId = 0;
  const broker = await startBroker((command, body, from) => {
    if (command === Command.SUBSCRIBE) {
      peer = from;
      consumerId = c.subscribe.decode(body).consumerId ?? 0;
      // A broker may tell this before it confirms the subscription.
      from.send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: false });
    }
    return false;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription: { type: "Failover" } });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  assert.ok(peer);
  const { send, sendMessage } = peer as Peer;
  const change = (isActive: boolean): void =>
    send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive });
  sendMessage(consumerId, 0, "early");
  change(true);
  sendMessage(consumerId, 1, "active");
  change(false);
  sendMessage(consumerId, 2, "late");
  change(true);
  sendMessage(consumerId, 1, "active again");
  await receiver.received(2);
  assert.deepEqual(receiver.texts, ["active", "active again"]);
  const [first, second] = receiver.assignments;
  assert.deepEqual([first?.active, second?.active], [false, true]);
  const before = broker.commands.length;
  const [old] = receiver.deliveries;
  assert.ok(old);
  receiver.source.acknowledgeThrough(old);
  await receiver.source.flush(AbortSignal.timeout(60_000));
  assert.ok(!broker.commands.slice(before).some(({ command }) => command === Command.ACK));
});

test("messages that come to a consumer that is not active cost permits too, which are given back when it is", async () => {
  const granted: number[] = [];
  const broker = await startBroker((command, body, { send, sendMessage }) => {
    const change = (consumerId: number, isActive: boolean): void =>
      send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive });
    if (command === Command.FLOW) {
      const { consumerId = 0, permits = 0 } = c.flow.decode(body);
      if (granted.push(permits) > 1) return false;
      change(consumerId, false);
      for (let entry = 0; entry < permits; entry++) sendMessage(consumerId, entry, "late");
      change(consumerId, true);
    }
    if (command !== Command.SUBSCRIBE) return false;
    const { consumerId = 0, requestId } = c.subscribe.decode(body);
    send(Command.SUCCESS, c.success, { requestId });
    change(consumerId, true);
    return true;
  });
  const subscription = { type: "Failover" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription, receiverQueueSize: 5 });
  await receiver.until("more is asked for", () => granted.length > 1);
  // One at a time, as long as nobody knows how large they are.
  assert.deepEqual(granted, [1, 1]);
  assert.deepEqual(receiver.texts, []);
});

test("another worker's activation is heard of at once, however full the budget is", async () => {
  let told = 0;
  const broker = await startBroker((command, body, { send, sendMessage }) => {
    if (command === Command.FLOW && told === 0) {
      const consumerId = c.flow.decode(body).consumerId ?? 0;
      for (let entry = 0; entry < 100; entry++) sendMessage(consumerId, entry, "x".repeat(100_000));
      send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: false });
      told = performance.now();
    }
    if (command !== Command.SUBSCRIBE) return false;
    const { consumerId, requestId } = c.subscribe.decode(body);
    send(Command.SUCCESS, c.success, { requestId });
    send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: true });
    return true;
  });
  const subscription = { type: "Failover" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription, budgetBytes: 2_000_000 });
  await receiver.until("it is told", () => receiver.assignments[0]?.active === false);
  // What a broker said is taken for news of the last 10 s.
  assert.ok(performance.now() - told < 10_000, `${Math.round(performance.now() - told)} ms`);
  assert.ok(receiver.free < 0);
});

test("that memory does not suffice shows until the topic is subscribed again, and is no fault of the broker", async () => {
  let subscribed = 0;
  const broker = await startBroker((command, body, { sendMessage }) => {
    if (command === Command.SUBSCRIBE) subscribed += 1;
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    for (let entry = 0; entry < permits && subscribed === 1; entry++) {
      sendMessage(consumerId, entry, entry === 0 ? "small" : "large".repeat(4_000));
    }
    return true;
  });
  const waiting: (SourceFailure | null)[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep(ms, signal) {
      // Not between two looks for topics.
      if (ms < 60_000) waiting.push(receiver.source.state().failure);
      return systemClock.sleep(ms, signal);
    },
  };
  const subscription = { type: "Exclusive" } as const;
  const options = { serviceUrl: broker.url, topics: [TOPIC], subscription, budgetBytes: 200_000, clock };
  const receiver: Receiver = startReceiver(options);
  await receiver.until("it is subscribed again", () => subscribed === 2 && receiver.source.state().connected);
  assert.deepEqual(
    waiting.map((failure) => failure?.code),
    ["MemoryExhausted"],
  );
  assert.match(waiting[0]?.message ?? "", /spec\.pod\.resources.*smaller batches/);
});

test("messages that grow beyond measure are given up while memory lasts, and come again in numbers that fit", async () => {
  const granted: number[] = [];
  let subscribed = 0;
  let sent = 0;
  const broker = await startBroker((command, body, { sendMessage }) => {
    if (command === Command.SUBSCRIBE) subscribed += 1;
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    if (subscribed > 1) granted.push(permits);
    for (let count = 0; count < permits && subscribed === 1; count++, sent++) {
      sendMessage(consumerId, sent, sent === 0 ? "small" : "large".repeat(4_000));
    }
    return true;
  });
  const budgetBytes = 200_000;
  const subscription = { type: "Exclusive" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription, budgetBytes });
  await receiver.until("it is subscribed again", () => subscribed === 2 && receiver.assignments.length === 2);
  assert.equal(receiver.assignments[0]?.active, false);
  assert.ok(sent > 200 && receiver.messages.length < 100, `${receiver.messages.length} of ${sent} messages taken in`);
  assert.deepEqual(granted, []);
  for (const { retainedBytes } of receiver.deliveries) receiver.giveBack(retainedBytes);
  await receiver.until("more is asked for", () => granted.length > 0);
  assert.ok((granted[0] ?? 0) <= 20, `${granted[0]} messages of 20,000 bytes`);
});

test("a batch that says it holds what it cannot is poison, and counts against permits as the broker counts it", async () => {
  const granted: number[] = [];
  const counts = [2_000_000_000, 0, -7];
  const broker = await startBroker((command, body, { sendEntry }) => {
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    if (granted.push(permits) > 1) return true;
    for (const [entry, numMessagesInBatch] of counts.entries()) {
      sendEntry(consumerId, entry, { numMessagesInBatch }, Buffer.from("x"));
    }
    return true;
  });
  const subscription = { type: "Shared" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription, receiverQueueSize: 5 });
  await receiver.received(3);
  assert.deepEqual(
    receiver.messages.map(({ entry }) => /holds (-?\d+) messages/.exec(entry.defect?.message ?? "")?.[1]),
    counts.map(String),
  );
  await receiver.until("all is granted", () => granted.length === 3);
  assert.ok(granted.every((permits) => permits < 2 ** 31));
  // Of 5, with 7 that the broker added.
  const outstanding = granted.reduce((sum, permits) => sum + permits) - counts.reduce((sum, count) => sum + count);
  assert.ok(outstanding === 5 || outstanding === 12, `${outstanding}`);
});
