import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { Compression } from "../../../../worker/source/protocol/compression.ts";
import type { EntryMetadata } from "../../../../worker/source/protocol/metadata-codec.ts";
import type { Delivery } from "../../../../worker/source/source.ts";
import { decodeAck, type Peer, useScriptedBrokers } from "../scripted-broker.ts";
import { batchPayload, numberedMessages } from "./publisher.ts";
import { type Receiver, type ReceiverOptions, useReceivers } from "./receiver.ts";

const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();
const LARGE = 1024 * 1024;

interface Sent {
  readonly metadata?: EntryMetadata;
  readonly payload: Uint8Array;
}

/** A broker that sends these entries of each topic, numbered from 0, as soon as it is asked for messages. */
async function scene(topics: Readonly<Record<string, readonly Sent[]>>, options: Partial<ReceiverOptions> = {}) {
  const names = new Map<number, string>();
  const peers = new Map<string, { readonly peer: Peer; readonly consumerId: number }>();
  const granted: number[] = [];
  const broker = await startBroker((command, body, peer) => {
    if (command === Command.SUBSCRIBE) {
      const { consumerId = 0, topic = "" } = c.subscribe.decode(body);
      names.set(consumerId, topic);
    }
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    granted.push(permits);
    const topic = names.get(consumerId) ?? "";
    if (peers.has(topic)) return true;
    peers.set(topic, { peer, consumerId });
    topics[topic]?.forEach(({ metadata = {}, payload }, entry) => {
      peer.sendEntry(consumerId, entry, metadata, payload);
    });
    return true;
  });
  const subscription = { type: "Exclusive" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: Object.keys(topics), subscription, ...options });
  const acks = async (): Promise<string[]> => {
    await receiver.source.flush(AbortSignal.timeout(60_000));
    const sent = broker.commands.filter(({ command }) => command === Command.ACK).map(({ body }) => decodeAck(body));
    return sent.map(({ entry, cumulative }) => (cumulative ? `through ${entry}` : `${entry}`));
  };
  return { receiver, broker, granted, peers, acks };
}

const T = "persistent://public/default/t";

function batch(count: number, size = 10, from = 0): Sent {
  return {
    metadata: { numMessagesInBatch: count },
    payload: batchPayload(numberedMessages(count, Math.max(size, 7), 3, from)),
  };
}

function deflated({ metadata, payload }: Sent): Sent {
  const compression = { compression: Compression.ZLIB, uncompressedSize: payload.length };
  return { metadata: { ...metadata, ...compression }, payload: deflateSync(payload) };
}

const single = (text: string): Sent => ({ payload: Buffer.from(text) });
const numbers = (receiver: Receiver): string[] => receiver.texts.map((text) => text.replace(/a+$/, ""));
const upTo = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

function done({ source, giveBack }: Receiver, delivery: Delivery | undefined, ordered = true): void {
  assert.ok(delivery);
  if (ordered) source.acknowledgeThrough(delivery);
  else source.acknowledge([delivery]);
  giveBack(delivery.retainedBytes);
}

async function turns(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}

test("a batch of up to 1,000 messages is one delivery, and a larger one comes in parts, in order", async () => {
  const { receiver } = await scene({ [T]: [batch(1_000), batch(2_500, 10, 1_000), single("last")] });
  await receiver.received(3_501);
  assert.deepEqual(
    receiver.deliveries.map(({ messages, continues }) => [messages.length, continues ?? false]),
    [
      [1_000, false],
      [1_000, true],
      [1_000, true],
      [500, false],
      [1, false],
    ],
  );
  assert.deepEqual(numbers(receiver), [...upTo(3_500), "last"]);
  assert.equal(receiver.messages[1_234]?.id, "1:1:-1:234");
});

test("a part holds no more once 256 KiB are in it", async () => {
  const { receiver } = await scene({ [T]: [batch(1_001, 1_000)] });
  await receiver.received(1_001);
  assert.deepEqual(
    receiver.deliveries.map(({ messages }) => messages.length),
    [263, 263, 263, 212],
  );
});

test("in order, an entry is acknowledged with its last part, and what comes before it with the first", async () => {
  const { receiver, acks } = await scene({ [T]: [single("first"), batch(2_500), single("last")] });
  await receiver.received(2_502);
  const [first, one, two, three, last] = receiver.deliveries;
  done(receiver, first);
  assert.deepEqual(await acks(), ["through 0"]);
  done(receiver, one);
  done(receiver, two);
  assert.deepEqual(await acks(), ["through 0", "through 0"]);
  done(receiver, three);
  assert.deepEqual((await acks()).at(-1), "through 1");
  done(receiver, last);
  assert.deepEqual((await acks()).at(-1), "through 2");
});

test("in order, a part of the first entry of all acknowledges nothing", async () => {
  const { receiver, acks } = await scene({ [T]: [batch(2_000)] });
  await receiver.received(2_000);
  done(receiver, receiver.deliveries[0]);
  assert.deepEqual(await acks(), []);
  done(receiver, receiver.deliveries[1]);
  assert.deepEqual(await acks(), ["through 0"]);
});

test("unordered, an entry is acknowledged once all its parts are done, whichever is last", async () => {
  const subscription = { type: "Shared" } as const;
  const { receiver, acks } = await scene({ [T]: [batch(2_500), single("last")] }, { subscription });
  await receiver.received(2_501);
  const [one, two, three, last] = receiver.deliveries;
  assert.ok(one && two && three && last);
  done(receiver, last, false);
  done(receiver, three, false);
  // Its poison alone is kept.
  const shrunk = receiver.source.shrink(one, one.messages.slice(0, 1));
  done(receiver, two, false);
  assert.deepEqual(await acks(), ["1"]);
  receiver.source.acknowledge([shrunk]);
  assert.deepEqual(await acks(), ["1", "0"]);
});

test("without room, the next part comes when the one before the last is done, and later entries wait as they came", async () => {
  const budgetBytes = 100_000;
  const entries = { [T]: [batch(5_000), deflated(batch(900, 1_000)), single("last")] };
  const { receiver } = await scene(entries, { budgetBytes });
  await receiver.received(2_000);
  await turns();
  assert.equal(receiver.deliveries.length, 2);
  // What waits is still compressed: it would take 900,000 bytes.
  assert.ok(receiver.free > budgetBytes - 700_000, `${receiver.free} bytes are free`);
  for (let index = 0; index < 5; index++) {
    await receiver.until("the next part is there", () => receiver.deliveries.length > index);
    done(receiver, receiver.deliveries[index]);
    await turns();
    assert.ok(index > 1 || receiver.deliveries.length === index + 3, `${receiver.deliveries.length} after ${index}`);
  }
  await receiver.received(5_901);
  for (const delivery of receiver.deliveries.slice(5)) done(receiver, delivery);
  assert.equal(receiver.free, budgetBytes);
});

test("one large entry is read at a time, and other topics go on", async () => {
  const large = deflated(batch(2_000, LARGE / 1_000));
  const [a, b, small] = ["a", "b", "small"].map((name) => `persistent://public/default/${name}`) as [
    string,
    string,
    string,
  ];
  const { receiver, peers } = await scene({ [a]: [large], [b]: [large, single("behind")], [small]: [] });
  await receiver.until("the first parts are there", () => receiver.deliveries.length >= 2 && peers.size === 3);
  const peer = peers.get(small);
  peer?.peer.sendMessage(peer.consumerId, 0, "small");
  await receiver.until("the other topic goes on", () => receiver.texts.includes("small"));
  const first = receiver.deliveries[0]?.assignment.topic;
  const second = first === a ? b : a;
  const of = (topic: string): Delivery[] => receiver.deliveries.filter(({ assignment }) => assignment.topic === topic);
  await receiver.until("the first one is handed on", () => of(first ?? "").at(-1)?.continues === false);
  await turns();
  assert.deepEqual(of(second), []);
  for (const delivery of of(first ?? "")) done(receiver, delivery);
  await receiver.until("the second one is handed on", () => of(second).some(({ continues }) => continues === false));
});

for (const ordered of [true, false]) {
  const mode = ordered ? "in order" : "without order";

  test(`an entry of which 1,000 messages are set aside goes on when one of them is done, ${mode}`, async () => {
    const subscription = { type: ordered ? "Exclusive" : "Shared" } as const;
    const { receiver } = await scene({ [T]: [batch(10_000)] }, { subscription });
    await receiver.received(2_000);
    const [first] = receiver.deliveries;
    assert.ok(first?.setAside);
    first.setAside(1_000);
    const before = receiver.deliveries.length;
    for (const delivery of receiver.deliveries.slice(0, before)) done(receiver, delivery, ordered);
    await turns();
    assert.equal(receiver.deliveries.length, before);
    first.setAside(-1);
    await receiver.received(10_000);
  });
}

test("what an entry took is given back when its topic-partition goes, with what waits behind it", async () => {
  const budgetBytes = 100_000;
  const { receiver, peers, acks } = await scene({ [T]: [batch(5_000), single("behind")] }, { budgetBytes });
  await receiver.received(2_000);
  const [assignment] = receiver.assignments;
  assert.ok(assignment);
  receiver.source.rewind(assignment, 60_000);
  for (const { retainedBytes } of receiver.deliveries) receiver.giveBack(retainedBytes);
  assert.equal(receiver.free, budgetBytes);
  done(receiver, receiver.deliveries[0]);
  await turns();
  assert.equal(receiver.deliveries.length, 2);
  assert.deepEqual([await acks(), peers.size], [[], 1]);
});

test("a large batch that breaks anywhere is one poison message with the bytes that came", async () => {
  const sound = batch(3_000);
  const broken = { ...sound, payload: sound.payload.subarray(0, sound.payload.length - 1) };
  const { receiver, acks } = await scene({ [T]: [broken, deflated(broken)] });
  await receiver.received(2);
  for (const [index, sent] of [broken, deflated(broken)].entries()) {
    const message = receiver.messages[index];
    assert.equal(message?.entry.defect?.code, "CorruptEntry");
    assert.match(message?.entry.defect?.message ?? "", /message 2999/);
    assert.deepEqual(Buffer.from(message?.payload ?? []), Buffer.from(sent.payload));
  }
  done(receiver, receiver.deliveries[1]);
  assert.deepEqual(await acks(), ["through 1"]);
});

test("a chunked message waits where others hold the memory, and is whole in the end", async () => {
  const [a, b] = ["a", "b"].map((name) => `persistent://public/default/${name}`) as [string, string];
  const chunk = (uuid: string, chunkId: number): Sent => ({
    metadata: { uuid, chunkId, numChunks: 2, totalChunkSize: 1_200 },
    payload: Buffer.alloc(600, uuid),
  });
  const { receiver, peers, acks } = await scene({ [a]: [], [b]: [] }, { maxUncompressedBytes: 2_000 });
  await receiver.until("both are asked for", () => peers.size === 2);
  const send = (topic: string, entry: number, { metadata = {}, payload }: Sent): void => {
    const to = peers.get(topic);
    to?.peer.sendEntry(to.consumerId, entry, metadata, payload);
  };
  send(a, 0, chunk("a", 0));
  await receiver.until("the first chunk is held", () => receiver.free < 64 * LARGE);
  for (const chunkId of [0, 1]) send(b, chunkId, chunk("b", chunkId));
  await receiver.until("the others wait", () => receiver.free < 64 * LARGE - 1_900);
  send(a, 1, chunk("a", 1));
  await receiver.received(1);
  done(receiver, receiver.deliveries[0]);
  await receiver.received(2);
  assert.deepEqual(receiver.texts, ["a".repeat(1_200), "b".repeat(1_200)]);
  done(receiver, receiver.deliveries[1]);
  assert.deepEqual([await acks(), receiver.free], [["through 1", "through 1"], 64 * LARGE]);
});
