/** A source and a pipeline beside a broker of four topics, of which some cannot move. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { createBudget } from "../../worker/pipeline/budget.ts";
import { createPipeline } from "../../worker/pipeline/create.ts";
import type { Pipeline } from "../../worker/pipeline/pipeline.ts";
import type { Sink } from "../../worker/sink/sink.ts";
import { createStreamWatch } from "../../worker/sink/stream-watch.ts";
import * as c from "../../worker/source/protocol/commands.ts";
import { Command } from "../../worker/source/protocol/commands.ts";
import { type Source, SourceError } from "../../worker/source/source.ts";
import { createWireSource } from "../../worker/source/wire/source.ts";
import { silentLog } from "../silent-log.ts";
import { until } from "../until.ts";
import { type Peer, useScriptedBrokers } from "./source/scripted-broker.ts";

const startBroker = useScriptedBrokers();
const open: { readonly source: Source; readonly pipeline: Pipeline }[] = [];
const TOPICS = ["a", "b", "c", "d"].map((name) => `persistent://public/default/${name}`);
const MESSAGE = 10_000;
const BUDGET = 1_000_000;
const POLL = { pollMs: 50 };
/** So many times as fast as time. */
const SPEED = 5;

afterEach(async () => {
  for (const { source, pipeline } of open.splice(0)) {
    pipeline.close();
    await source.close();
  }
});

const fastClock: Clock = {
  now: () => systemClock.now() * SPEED,
  wall: () => systemClock.wall(),
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
  timer: (ms, callback) => systemClock.timer(ms / SPEED, callback),
};

/** Entries without end of each topic, in order from the first that was not acknowledged; each of them as often as asked for. */
async function endlessBroker() {
  const consumers = new Map<string, { readonly topic: string; next: number }>();
  const ids = new WeakMap<object, number>();
  const name = (peer: Peer, consumerId: number): string => {
    if (!ids.has(peer.socket)) ids.set(peer.socket, Math.random());
    return `${ids.get(peer.socket)} ${consumerId}`;
  };
  const subscribed = new Map<string, number>();
  const broker = await startBroker((command, body, peer) => {
    if (command === Command.SUBSCRIBE) {
      const { consumerId = 0, topic = "", requestId, type } = c.subscribe.decode(body);
      consumers.set(name(peer, consumerId), { topic, next: 0 });
      subscribed.set(topic, (subscribed.get(topic) ?? 0) + 1);
      peer.send(Command.SUCCESS, c.success, { requestId });
      if (type === c.SubType.Failover) {
        peer.send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: true });
      }
      return true;
    }
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    const consumer = consumers.get(name(peer, consumerId));
    if (consumer === undefined) return true;
    for (let count = 0; count < permits; count++) {
      peer.sendMessage(consumerId, consumer.next, `${consumer.topic} ${consumer.next}`.padEnd(MESSAGE));
      consumer.next += 1;
    }
    return true;
  });
  return { url: broker.url, subscribed };
}

function worker(serviceUrl: string, ordered: boolean, prepare: (topic: string) => Promise<void> | undefined) {
  const delivered = new Map<string, number>();
  let sequence = 1_000_000;
  const sink: Sink = {
    async put(records) {
      await systemClock.sleep(5);
      const accepted = records.map(({ data }) => {
        const [topic = ""] = Buffer.from(data).toString("latin1").split(" ");
        delivered.set(topic, (delivered.get(topic) ?? 0) + 1);
        sequence += 1;
        return { accepted: true, shardId: "shard-0", sequenceNumber: String(sequence) } as const;
      });
      return { kind: "answered", records: accepted };
    },
    describe: async () => ({
      ...{ name: "stream", arn: "", status: "ACTIVE", openShards: 1, mode: "PROVISIONED", maxRecordBytes: 1_048_576 },
      recordDistribution: "PARTITION_KEY",
    }),
    listShards: () => Promise.reject(new Error("no shards")),
    close: () => undefined,
  };
  const budget = createBudget(BUDGET);
  const streamWatch = createStreamWatch({ sink, refuseAuto: ordered, clock: fastClock, log: silentLog });
  const pipeline = createPipeline({
    ordered,
    format: { prepare: ({ assignment }) => prepare(assignment.topic), encode: () => null },
    partitionKey: (message, topic) => `${topic} ${message.id}`,
    sink,
    streamWatch,
    limits: { maxRecords: 500, maxBytes: 5_242_880, maxRecordBytes: 1_048_576 },
    retry: { initialDelayMs: 100, maxDelayMs: 60_000 },
    handoverWaitMs: 100,
    aggregation: false,
    lingerMs: 0,
    rateLimit: 150,
    recordTtlMs: 30_000,
    maxConcurrentRequests: 8,
    budget,
    deadLetterTopic: null,
    clock: fastClock,
    log: silentLog,
  });
  const subscription = { name: "s", type: ordered ? "Failover" : "Shared", initialPosition: "Earliest" } as const;
  const source = createWireSource({
    ...{ serviceUrl, topics: TOPICS, subscription, budget, clock: fastClock, log: silentLog },
  });
  pipeline.start(source);
  open.push({ source, pipeline });
  return { pipeline, delivered };
}

describe("topics whose schemas may not be read", () => {
  for (const ordered of [true, false]) {
    for (const count of [1, 3]) {
      test(`${count} of 4 hold up no other, and flow once they may, ${ordered ? "ordered" : "unordered"}`, async () => {
        const stuck = new Set(TOPICS.slice(0, count));
        const forbidden = new SourceError("AuthorizationFailed", "the schema may not be read");
        const broker = await endlessBroker();
        const prepare = (topic: string) => (stuck.has(topic) ? Promise.reject(forbidden) : undefined);
        const { pipeline, delivered } = worker(broker.url, ordered, prepare);
        const flowing = TOPICS.slice(count);
        await until("they are found out", async () => pipeline.state().stuckPartitions === count, POLL);
        if (count === 3) await until("one gives back", async () => pipeline.state().givenBack > 0, POLL);
        for (let round = 0; round < 3; round += 1) {
          const before = new Map(delivered);
          const more = (topic: string): number => (delivered.get(topic) ?? 0) - (before.get(topic) ?? 0);
          await until("all others flow", async () => flowing.every((topic) => more(topic) > 100), POLL);
        }
        const { heldBack } = pipeline.state();
        if (count === 3) assert.equal(heldBack?.why, "the schema may not be read");
        assert.ok(heldBack === null || stuck.has(heldBack.topic));
        stuck.clear();
        await until("all flow", async () => TOPICS.every((topic) => (delivered.get(topic) ?? 0) > 100), POLL);
        await until("nothing is stuck any more", async () => pipeline.state().stuckPartitions === 0, POLL);
      });
    }
  }
});
