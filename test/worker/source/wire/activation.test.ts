import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock, type Timer } from "../../../../runtime/clock.ts";
import { createEntryDecoder } from "../../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../../worker/source/protocol/entry-memory.ts";
import { type EntryMetadata, entryMetadata } from "../../../../worker/source/protocol/metadata-codec.ts";
import type { Acknowledger } from "../../../../worker/source/wire/acknowledger.ts";
import { createActivation } from "../../../../worker/source/wire/activation.ts";
import type { WireDelivery } from "../../../../worker/source/wire/delivery.ts";
import { nothingIncomplete } from "../../../../worker/source/wire/incomplete.ts";
import { silentLog } from "../../../silent-log.ts";
import { collectGarbage } from "../../garbage.ts";
import { plainBudget } from "../plain-budget.ts";

function scene(ordered: boolean, maxUncompressedBytes = 10_000) {
  const acks: string[] = [];
  const deliveries: WireDelivery[] = [];
  const timers: { callback: () => void; at: number }[] = [];
  const budget = plainBudget(10_000_000);
  const state = {
    now: 0,
    asking: true,
    get free() {
      return budget.free;
    },
    set free(bytes) {
      budget.giveBack(bytes - budget.free);
    },
  };
  const incomplete = nothingIncomplete();
  const recorder: Acknowledger = {
    entry: (ledger, entry) => void acks.push(`${ledger}:${entry}`),
    through: (ledger, entry) => void acks.push(`through ${ledger}:${entry}`),
    settle: async () => undefined,
    again: () => undefined,
    end: () => [],
  };
  const activation = createActivation({
    topic: "persistent://public/default/t",
    epoch: 1,
    ordered,
    answeredAt: () => 0,
    acks: recorder,
    budget,
    decoder: createEntryDecoder({ maxUncompressedBytes, decryptor: null, memory: entryMemory() }),
    maxUncompressedBytes,
    clock: {
      ...systemClock,
      now: () => state.now,
      timer(ms, callback): Timer {
        const timer = { callback, at: state.now + ms };
        timers.push(timer);
        return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
      },
    },
    log: silentLog,
    keyWatch: null,
    incomplete,
    room: { hasRoom: true, whenRoom: () => undefined, gaveBack: () => undefined },
    stopped: () => false,
    onLate: () => undefined,
    onUnreadable: (error) => assert.fail(String(error)),
    asking: () => state.asking,
    deliver: (delivery) => void deliveries.push(delivery),
  });
  const receive = (entry: number, payload: string, metadata: EntryMetadata = {}): void => {
    const head = entryMetadata.encode({ producerName: "p", sequenceId: 0, publishTime: 1, ...metadata });
    const size = Buffer.alloc(4);
    size.writeUInt32BE(head.length);
    const bytes = Buffer.concat([size, head, Buffer.from(payload)]);
    activation.receive(
      { consumerId: 1, ledger: 1, entry, redeliveryCount: 0, ackSet: null },
      bytes,
      0,
      bytes.length,
      false,
    );
  };
  const chunk = (
    entry: number,
    uuid: string,
    chunkId: number,
    numChunks: number,
    payload: string,
    total = numChunks * payload.length,
  ) => receive(entry, payload, { uuid, chunkId, numChunks, totalChunkSize: total });
  const advance = (ms: number): void => {
    state.now += ms;
    for (let due = timers.find(({ at }) => at <= state.now); due; due = timers.find(({ at }) => at <= state.now)) {
      timers.splice(timers.indexOf(due), 1);
      due.callback();
    }
  };
  const texts = (): string[] => deliveries.map((delivery) => String(delivery.messages[0]?.payload));
  return { activation, acks, deliveries, receive, chunk, advance, texts, state, incomplete };
}

test("messages that were let go are free before their delivery is done", async () => {
  const { deliveries, receive } = scene(true);
  receive(0, "done");
  const [delivery] = deliveries;
  assert.ok(delivery);
  const ref = new WeakRef(delivery.messages[0] as object);
  await collectGarbage();
  assert.notEqual(ref.deref(), undefined);
  delivery.letGo();
  assert.deepEqual(delivery.messages, []);
  await collectGarbage();
  assert.equal(ref.deref(), undefined);
});

test("a delivery that was acknowledged is not kept", async () => {
  const { activation, acks, deliveries, receive } = scene(true);
  receive(0, "done");
  const ref = new WeakRef(deliveries[0] as object);
  activation.acknowledgeThrough(deliveries.pop() as WireDelivery);
  assert.deepEqual(acks, ["through 1:0"]);
  await collectGarbage();
  assert.equal(ref.deref(), undefined);
});

test("chunks of several producers are put together, and each is acknowledged", () => {
  const { activation, acks, deliveries, receive, chunk, texts } = scene(false);
  chunk(0, "a", 0, 2, "aa");
  chunk(1, "b", 0, 2, "bb");
  receive(2, "between");
  chunk(3, "b", 1, 2, "BB");
  chunk(4, "a", 1, 2, "AA");
  assert.deepEqual(texts(), ["between", "bbBB", "aaAA"]);
  for (const delivery of deliveries) activation.acknowledge(delivery);
  assert.deepEqual(acks, ["1:2", "1:1", "1:3", "1:0", "1:4"]);
});

test("a cumulative acknowledgement never covers the chunks of a message that is not done", () => {
  const { activation, acks, deliveries, receive, chunk } = scene(true);
  receive(0, "before");
  chunk(1, "a", 0, 2, "aa");
  receive(2, "between");
  const [before, between] = deliveries;
  assert.ok(before && between);
  activation.acknowledgeThrough(before);
  activation.acknowledgeThrough(between);
  chunk(3, "a", 1, 2, "AA");
  receive(4, "after");
  const [, , whole, after] = deliveries;
  assert.ok(whole && after);
  assert.deepEqual(acks, ["through 1:0", "through 1:0"]);
  activation.acknowledgeThrough(whole);
  activation.acknowledgeThrough(after);
  assert.deepEqual(acks.slice(2), ["through 1:3", "through 1:4"]);
});

test("a chunked message at the very start holds back everything", () => {
  const { activation, acks, deliveries, receive, chunk } = scene(true);
  chunk(0, "a", 0, 2, "aa");
  receive(1, "next");
  const [next] = deliveries;
  assert.ok(next);
  activation.acknowledgeThrough(next);
  assert.deepEqual(acks, []);
});

test("a chunked message that stays incomplete is given up, its bytes given back, and the prefix goes on", () => {
  const { activation, acks, deliveries, receive, chunk, advance, state } = scene(true);
  const free = state.free;
  receive(0, "zero");
  chunk(1, "a", 0, 2, "aa");
  receive(2, "two");
  const held = deliveries.reduce((sum, { retainedBytes }) => sum + retainedBytes, 0);
  const [, two] = deliveries;
  assert.ok(two);
  activation.acknowledgeThrough(two);
  assert.deepEqual(acks, ["through 1:0"]);
  advance(80_000);
  assert.deepEqual(acks, ["through 1:0", "through 1:2"]);
  assert.equal(state.free, free - held);
  chunk(3, "a", 1, 2, "AA");
  assert.equal(deliveries.length, 2);
  assert.equal(acks.at(-1), "1:3");
});

test("a chunked message is not given up while nothing is asked for, however long that lasts", () => {
  const { activation, acks, deliveries, chunk, advance, texts, state } = scene(true);
  chunk(0, "a", 0, 3, "aa");
  state.asking = false;
  for (let minute = 0; minute < 60; minute++) advance(60_000);
  state.asking = true;
  advance(30_000);
  chunk(1, "a", 1, 3, "AA");
  state.asking = false;
  advance(80_000);
  chunk(2, "a", 2, 3, "aA");
  assert.deepEqual(texts(), ["aaAAaA"]);
  const [whole] = deliveries;
  assert.ok(whole);
  activation.acknowledgeThrough(whole);
  assert.deepEqual(acks, ["through 1:2"]);
});

test("more chunked messages at once than memory holds are none the worse: what begins too much comes again", () => {
  const { acks, activation, chunk, deliveries, incomplete, state } = scene(true);
  const free = state.free;
  chunk(0, "a", 0, 2, "a".repeat(4_500));
  assert.equal(incomplete.reserved, 10_400);
  chunk(1, "b", 0, 2, "b".repeat(4_000));
  assert.throws(() => chunk(2, "c", 0, 2, "c".repeat(4_500)), { code: "MemoryExhausted", message: /fewer producers/ });
  assert.deepEqual([deliveries, acks], [[], []]);
  chunk(3, "a", 1, 2, "A".repeat(4_500));
  chunk(4, "c", 0, 2, "c".repeat(4_500));
  chunk(5, "c", 1, 2, "c".repeat(4_500));
  assert.ok(
    deliveries.every(({ messages: [message] }) => message?.entry.defect === null && message.payloadBytes === 9_000),
  );
  activation.end();
  assert.deepEqual([incomplete.bytes, incomplete.reserved], [0, 0]);
  assert.equal(state.free, free - deliveries.reduce((sum, { retainedBytes }) => sum + retainedBytes, 0));
});

test("chunks without content cost what their objects take", () => {
  const { chunk, incomplete, state } = scene(true, 10_000_000);
  const free = state.free;
  for (let chunkId = 0; chunkId < 1_000; chunkId++) chunk(chunkId, "a", chunkId, 10_000, "", 0);
  assert.ok(free - state.free > 700_000, `${free - state.free} bytes`);
  assert.equal(incomplete.reserved, 7_000_000);
  chunk(1_000, "b", 0, 10_000, "", 0);
  assert.throws(() => chunk(1_001, "c", 0, 10_000, "", 0), { code: "MemoryExhausted" });
});

test("held chunks that come again to the same owner are neither lost nor put together twice", () => {
  const { activation, acks, deliveries, receive, chunk, texts } = scene(true);
  receive(0, "zero");
  chunk(1, "a", 0, 3, "aa");
  chunk(2, "a", 1, 3, "bb");
  // The broker goes back to what is not acknowledged.
  receive(0, "zero");
  chunk(1, "a", 0, 3, "aa");
  chunk(2, "a", 1, 3, "bb");
  assert.deepEqual(acks, []);
  chunk(3, "a", 2, 3, "cc");
  assert.deepEqual(texts(), ["zero", "zero", "aabbcc"]);
  // Once more, from within the message.
  chunk(2, "a", 1, 3, "bb");
  assert.deepEqual(acks, []);
  for (const delivery of deliveries) activation.acknowledgeThrough(delivery);
  assert.equal(acks.at(-1), "through 1:3");
});

test("copies of a held chunk are acknowledged, and the one that is held is not", () => {
  for (const ordered of [true, false]) {
    const { activation, acks, deliveries, chunk, texts } = scene(ordered);
    chunk(0, "a", 0, 2, "aa");
    chunk(1, "a", 0, 2, "aa");
    chunk(0, "a", 0, 2, "aa");
    assert.deepEqual(acks, ["1:1"]);
    chunk(2, "a", 1, 2, "AA");
    assert.deepEqual(texts(), ["aaAA"]);
    activation.acknowledge(deliveries[0] as WireDelivery);
    assert.deepEqual(acks, ["1:1", "1:0", "1:2"]);
  }
});

test("a pause of its producer does not give a chunked message up, however many others go on", () => {
  const { deliveries, receive, chunk, advance, acks } = scene(true);
  chunk(0, "a", 0, 2, "aa");
  for (let minute = 1; minute < 10; minute++) {
    receive(minute, "other", { producerName: "other" });
    for (let quarter = 0; quarter < 4; quarter++) advance(14_900);
  }
  chunk(10, "a", 1, 2, "AA");
  assert.equal(deliveries.length, 10);
  assert.deepEqual(acks, []);
});

test("a chunked message that is given up is acknowledged in a shared subscription too, chunk by chunk", () => {
  const { acks, chunk, advance, incomplete } = scene(false);
  chunk(0, "a", 0, 3, "aa");
  chunk(1, "a", 1, 3, "AA");
  for (let minute = 0; minute < 9; minute++) advance(60_000);
  assert.deepEqual(acks, []);
  for (let minute = 0; minute < 3; minute++) advance(60_000);
  assert.deepEqual(acks, ["1:0", "1:1"]);
  assert.deepEqual([incomplete.bytes, incomplete.reserved, incomplete.givenUp], [0, 0, 1]);
});

test("the rest of a chunked message that was given up, or came complete, is acknowledged in a shared subscription", () => {
  const { acks, activation, chunk, advance, deliveries } = scene(false);
  chunk(0, "a", 0, 3, "aa");
  for (let minute = 0; minute < 12; minute++) advance(60_000);
  assert.deepEqual(acks, ["1:0"]);
  chunk(1, "a", 1, 3, "AA");
  assert.deepEqual(acks, ["1:0", "1:1"]);
  chunk(2, "b", 0, 2, "bb");
  chunk(3, "b", 1, 2, "BB");
  chunk(3, "b", 1, 2, "BB");
  assert.deepEqual(acks.slice(2), [], "it is not done, and the chunk is its own");
  chunk(4, "b", 1, 2, "BB");
  assert.deepEqual(acks.slice(2), ["1:4"]);
  activation.acknowledge(deliveries[0] as WireDelivery);
  assert.deepEqual(acks.slice(3), ["1:2", "1:3"]);
});

test("a message that is begun again after it was given up is whole", () => {
  const { chunk, advance, texts } = scene(false);
  chunk(0, "a", 0, 2, "aa");
  for (let minute = 0; minute < 12; minute++) advance(60_000);
  chunk(1, "a", 0, 2, "aa");
  chunk(2, "a", 1, 2, "AA");
  assert.deepEqual(texts(), ["aaAA"]);
});

test("the further chunks of a defect go with it in a shared subscription", () => {
  const { acks, activation, chunk, deliveries } = scene(false);
  chunk(0, "a", 0, 3, "aaaa", 3);
  chunk(1, "a", 1, 3, "AAAA", 3);
  assert.deepEqual([deliveries.length, acks], [1, []]);
  activation.acknowledge(deliveries[0] as WireDelivery);
  assert.deepEqual(acks, ["1:0", "1:1"]);
  chunk(2, "a", 2, 3, "aaaa", 3);
  assert.deepEqual(acks.at(-1), "1:2");
});

test("a chunk whose beginning does not come within ten minutes is given up in a shared subscription", () => {
  const { acks, chunk, advance, incomplete, state } = scene(false);
  chunk(7, "a", 1, 3, "AA");
  chunk(8, "a", 2, 3, "aA");
  state.asking = false;
  for (let minute = 0; minute < 60; minute++) advance(60_000);
  state.asking = true;
  for (let minute = 0; minute < 9; minute++) advance(60_000);
  assert.deepEqual(acks, []);
  for (let minute = 0; minute < 3; minute++) advance(60_000);
  assert.deepEqual([acks, incomplete.givenUp], [["1:7", "1:8"], 1]);
});

test("chunks without end, and without content, are a defect before they fill the memory", () => {
  for (const [numChunks, properties, pattern] of [
    [1_000_000, [], /more than 10000 chunks/],
    [10_000, [{ key: "k", value: "v".repeat(250) }], /take \d+ bytes of memory/],
  ] as const) {
    const { receive, deliveries, incomplete, state } = scene(true, 1_000_000);
    const free = state.free;
    const metadata = { uuid: "a", numChunks, totalChunkSize: 1_000 };
    for (let chunkId = 0; chunkId <= 10_001; chunkId++) receive(chunkId, "", { ...metadata, chunkId, properties });
    assert.equal(deliveries.length, 1);
    assert.match(deliveries[0]?.messages[0]?.entry.defect?.message ?? "", pattern);
    assert.equal(incomplete.bytes, 0);
    assert.equal(state.free, free - (deliveries[0]?.retainedBytes ?? 0));
  }
});

test("the budget is even after chunks were assembled and given back, or the assignment ended", () => {
  const { activation, deliveries, chunk, state } = scene(true);
  const free = state.free;
  chunk(0, "a", 0, 2, "aa");
  chunk(1, "a", 1, 2, "AA");
  state.free += deliveries[0]?.retainedBytes ?? 0;
  assert.equal(state.free, free);
  chunk(2, "b", 0, 2, "bb");
  assert.ok(state.free < free);
  activation.end();
  assert.equal(state.free, free);
  assert.equal(activation.assignment.active, false);
});

test("chunks that lie about their size are one defective message", () => {
  for (const [total, pattern] of [
    [2_000_000, /at most 10000/],
    [3, /hold 4/],
    [5, /hold 4/],
  ] as const) {
    const { deliveries, chunk } = scene(true);
    chunk(0, "a", 0, 2, "aa", total);
    chunk(1, "a", 1, 2, "AA", total);
    assert.equal(deliveries.length, 1);
    assert.match(deliveries[0]?.messages[0]?.entry.defect?.message ?? "", pattern);
  }
});

test("markers are acknowledged and not delivered", () => {
  const { acks, deliveries, receive } = scene(true);
  receive(0, "", { markerType: 1 });
  assert.deepEqual([acks, deliveries], [["1:0"], []]);
});

test("a delivery that gave its messages back is acknowledged as it was", () => {
  const { acks, activation, deliveries, chunk } = scene(false);
  chunk(0, "a", 0, 2, "aa");
  chunk(1, "a", 1, 2, "AA");
  const [whole] = deliveries;
  assert.ok(whole);
  assert.deepEqual(whole.chunked?.chunks, []);
  activation.acknowledge(whole.shrink([]));
  assert.deepEqual(acks, ["1:0", "1:1"]);
});

/** What happens to a topic-partition, by chance: chunks of three producers, entries of others, and the prefix getting done. */
const step = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant("chunk"), uuid: fc.constantFrom("a", "b", "c") }), weight: 6 },
  fc.record({ kind: fc.constant("odd"), uuid: fc.constantFrom("a", "b", "c"), chunkId: fc.nat(3) }),
  { arbitrary: fc.constant({ kind: "plain" } as const), weight: 2 },
  fc.constant({ kind: "marker" } as const),
  { arbitrary: fc.constant({ kind: "done" } as const), weight: 4 },
);

test("whatever chunks come, nothing is acknowledged before it is done, and the budget is even in the end", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, ordered) => {
      const { activation, acks, deliveries, receive, chunk, state, incomplete } = scene(ordered);
      const free = state.free;
      const next = new Map<string, number>();
      const open = new Set<number>();
      const single = new Set<number>();
      let through = -1;
      let done = 0;
      const gone = (entry: number): boolean => entry <= through || single.has(entry);
      steps.forEach((each, entry) => {
        const before = deliveries.length;
        if (each.kind === "chunk" && "uuid" in each) {
          const chunkId = next.get(each.uuid) ?? 0;
          next.set(each.uuid, (chunkId + 1) % 3);
          chunk(entry, each.uuid, chunkId, 3, "xx");
        } else if ("chunkId" in each) chunk(entry, each.uuid, each.chunkId, 3, "xx");
        else if (each.kind === "plain") receive(entry, "plain");
        else if (each.kind === "marker") receive(entry, "", { markerType: 1 });
        else if (done < deliveries.length) {
          const delivery = deliveries[done++];
          assert.ok(delivery);
          const ids = delivery.chunked?.ids ?? delivery.id;
          for (let index = 1; index < ids.length; index += 2) open.delete(ids[index] ?? -1);
          if (ordered) activation.acknowledgeThrough(delivery);
          else activation.acknowledge(delivery);
        }
        for (const { chunked, id } of deliveries.slice(before)) {
          const ids = chunked?.ids ?? id;
          for (let index = 1; index < ids.length; index += 2) {
            // Those that came before were collected meanwhile.
            assert.ok(!gone(ids[index] ?? -1), `${ids[index]} was acknowledged while its message was incomplete`);
            open.add(ids[index] ?? -1);
          }
        }
        for (const ack of acks.splice(0)) {
          const mark = /^through 1:(\d+)$/.exec(ack)?.[1];
          if (mark === undefined) single.add(Number(ack.slice(2)));
          else through = Math.max(through, Number(mark));
          assert.deepEqual([...open].filter(gone), [], `${ack} covers what is not done`);
        }
      });
      activation.end();
      const held = deliveries.reduce((sum, { retainedBytes }) => sum + retainedBytes, 0);
      assert.deepEqual([incomplete.bytes, state.free], [0, free - held]);
    }),
    { numRuns: 500 },
  );
});
