/** Faults of the Kinesis endpoint: whatever it does, nothing is lost and nothing is out of order. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { MergeShardsCommand } from "@aws-sdk/client-kinesis";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import type { FaultPlan } from "../fakes/kinesis-faults.ts";
import { isOpen } from "../fakes/kinesis-stream.ts";
import { kinesisClient } from "../fakes/read-stream.ts";
import { MODES } from "../load/guarantee.ts";
import { halveShard } from "../load/halve-shard.ts";
import { until } from "../until.ts";
import { play } from "./scenario.ts";

const MESSAGES = 5_000;

interface Case {
  readonly name: string;
  readonly what: string;
  readonly faults: Partial<FaultPlan> & Pick<FaultPlan, "random">;
}

const REFUSED = { kind: "reject", code: "InternalFailure", status: 500 } as const;

const CASES: readonly Case[] = [
  {
    name: "failing",
    what: "fails 20 % of the records and 5 % of the requests",
    faults: {
      recordFailure: { probability: 0.2, code: "InternalFailure" },
      random: [{ probability: 0.05, fault: REFUSED }],
    },
  },
  {
    name: "late",
    what: "answers 10 % of the requests after their deadline, and all the others late",
    faults: { latencyMs: 50, random: [{ probability: 0.1, fault: { kind: "answerLate", ms: 1_500 } }] },
  },
  {
    name: "stalling",
    what: "stalls after the headers of 10 % of its answers",
    faults: { latencyMs: 20, random: [{ probability: 0.1, fault: { kind: "stall" } }] },
  },
  {
    name: "cutting",
    what: "cuts the connection after accepting 10 % of the requests",
    faults: { latencyMs: 20, random: [{ probability: 0.1, fault: { kind: "cut", executed: true } }] },
  },
];

describe("a faulty Kinesis endpoint", { concurrency: 3 }, () => {
  let pulsar: Pulsar;
  before(async () => {
    pulsar = await startPulsar({ log: (line) => console.error(line) });
  });
  after(async () => await pulsar.close());

  for (const mode of MODES) {
    // Small requests, so that the faults meet many of them.
    const config = { collectionMaxCount: 50, maxConnections: 8 };

    for (const { name, what, faults } of CASES) {
      it(`that ${what} loses nothing, ${mode}`, async (t) => {
        await play(
          pulsar,
          { name: `${name}-${mode}`, mode, config, keys: 500 },
          async ({ fake, traffic, start, finish }) => {
            fake.faults.set(faults);
            // Chance may pass over a rare one.
            fake.faults.next(...faults.random.map(({ fault }) => fault));
            await start();
            await traffic.publish(MESSAGES);
            await finish(t);
            const met = fake.requests.filter((request) => request.fault !== null || request.accepted < request.records);
            t.diagnostic(`${met.length} of ${fake.requests.length} requests met a fault`);
            assert.ok(met.length > 0);
          },
        );
      });
    }

    it(`that is far slower than what is offered gets most things once, ${mode}`, async (t) => {
      const slow = { collectionMaxCount: 200, maxConnections: 24 };
      await play(pulsar, { name: `slow-${mode}`, mode, config: slow, keys: 2_000 }, async (scenario) => {
        const { fake, traffic, start, finish } = scenario;
        // Ten times as much fits into all requests together as is served before they expire.
        fake.faults.set({ recordsPerSecond: 400 });
        await traffic.publish(MESSAGES);
        await start();
        const { duplicates } = await finish(t);
        assert.ok(duplicates < MESSAGES / 2, `${duplicates} duplicates`);
      });
    });

    it(`that cannot be reached for 15 s loses nothing, ${mode}`, async (t) => {
      await play(
        pulsar,
        { name: `outage-${mode}`, mode, config },
        async ({ relay, traffic, start, untilStored, stored, finish }) => {
          await start();
          await traffic.publish(MESSAGES / 2);
          await untilStored(500);
          await relay.down();
          // What has passed the relay is still executed.
          await delay(1_000);
          const before = stored();
          const publishing = traffic.publish(MESSAGES / 2);
          await delay(15_000);
          await publishing;
          assert.equal(stored(), before, "nothing arrives during an outage");
          await relay.up();
          const since = performance.now();
          await finish(t);
          t.diagnostic(`all delivered ${((performance.now() - since) / 1000).toFixed(1)} s after the outage`);
        },
      );
    });

    it(`whose shards are split and merged under load loses nothing, ${mode}`, async (t) => {
      const name = `resharded-${mode}`;
      await play(pulsar, { name, mode, config, shards: 2 }, async ({ fake, traffic, start, finish }) => {
        const client = kinesisClient(fake.url);
        const untilWritten = async (): Promise<void> => {
          const open = fake.stream(name).shards.filter(isOpen);
          const written = async () => open.every(({ count }) => count > 0);
          await until("every open shard took some records", written, { pollMs: 20 });
        };
        fake.faults.set({ latencyMs: 30 });
        await start();
        // As many messages for each layout of the shards: records are on their way while it changes.
        await traffic.publish(MESSAGES / 2);
        await untilWritten();
        const [first] = fake.stream(name).shards;
        await halveShard(fake.url, name, first);
        await traffic.publish(MESSAGES / 2);
        await untilWritten();
        const [, second, , right] = fake.stream(name).shards;
        await client.send(
          new MergeShardsCommand({
            StreamName: name,
            ShardToMerge: right?.shardId,
            AdjacentShardToMerge: second?.shardId,
          }),
        );
        await traffic.publish(MESSAGES / 2);
        await untilWritten();
        await finish(t);
        client.destroy();
        const filled = fake.stream(name).shards.filter((shard) => shard.count > 0);
        assert.equal(filled.length, 5, "every shard took some records");
      });
    });

    it(`that enforces the limits of its shards is kept busy and loses nothing, ${mode}`, async (t) => {
      const options = { name: `limited-${mode}`, mode, shards: 1, shardLimits: true, keys: 500 };
      await play(pulsar, options, async ({ fake, traffic, start, finish }) => {
        await start();
        await traffic.publish(MESSAGES);
        await finish(t);
        const sent = fake.requests.reduce((sum, { records }) => sum + records, 0);
        const accepted = fake.requests.reduce((sum, request) => sum + request.accepted, 0);
        t.diagnostic(`${sent - accepted} of ${sent} records throttled`);
        assert.ok(sent > accepted, "the limit was met");
      });
    });
  }
});
