import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { until } from "../until.ts";
import { type FakeKinesis, type FakeKinesisOptions, startFakeKinesis } from "./kinesis.ts";
import type { FaultPlan } from "./kinesis-faults.ts";
import { kinesisClient } from "./read-stream.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: FakeKinesisOptions = {}): Promise<{ fake: FakeKinesis; client: KinesisClient }> {
  const fake = await startFakeKinesis({ streams: { s: 1 }, ...options });
  const client = kinesisClient(fake.url);
  closers.push(async () => {
    client.destroy();
    await fake.close();
  });
  return { fake, client };
}

async function put(client: KinesisClient, count: number, bytes = 1): Promise<(string | undefined)[]> {
  const Records = Array.from({ length: count }, (_, index) => ({
    Data: Buffer.alloc(bytes),
    PartitionKey: `k${index}`,
  }));
  const answer = await client.send(new PutRecordsCommand({ StreamName: "s", Records }));
  return (answer.Records ?? []).map(({ ErrorCode }) => ErrorCode);
}

async function steer(fake: FakeKinesis, plan: Partial<FaultPlan>): Promise<void> {
  const answer = await fetch(`${fake.url}/control/faults`, { method: "POST", body: JSON.stringify(plan) });
  assert.equal(answer.status, 200);
}

test("a shard takes 1,000 records per second, and no more", async () => {
  const { client } = await start({ shardLimits: true });
  const codes = (await Promise.all(Array.from({ length: 8 }, () => put(client, 500)))).flat();
  const throttled = codes.filter((code) => code === "ProvisionedThroughputExceededException").length;
  assert.ok(throttled > 0 && throttled <= 3000, `${throttled} of 4000 were throttled`);
  await delay(600);
  assert.deepEqual(await put(client, 100), Array(100).fill(undefined));
});

test("a shard takes 1 MiB per second; a full bucket passes a larger record and is then in debt", async () => {
  const { fake, client } = await start({ shardLimits: true });
  fake.stream("s").maxRecordSizeInKiB = 10_240;
  assert.deepEqual(await put(client, 1, 3_000_000), [undefined]);
  await delay(300);
  assert.deepEqual(await put(client, 1, 1000), ["ProvisionedThroughputExceededException"]);
});

test("records fail with the given probability, the same ones for the same seed", async () => {
  const runs: string[] = [];
  for (let run = 0; run < 2; run++) {
    const { fake, client } = await start({ seed: 7 });
    await steer(fake, { recordFailure: { probability: 0.3, code: "InternalFailure" } });
    const codes = await put(client, 500);
    const failed = codes.filter((code) => code === "InternalFailure").length;
    assert.ok(failed > 100 && failed < 200, `${failed} of 500 failed`);
    assert.equal(fake.stream("s").shards[0]?.records.length, 500 - failed);
    runs.push(codes.join());
  }
  assert.equal(runs[0], runs[1]);
});

test("faults set over HTTP meet the next requests, and what was executed is listed", async () => {
  const { fake, client } = await start();
  await steer(fake, { script: [{ kind: "reject", code: "AccessDeniedException" }, null] });
  await assert.rejects(() => put(client, 2), { name: "AccessDeniedException" });
  assert.deepEqual(await put(client, 3), [undefined, undefined, undefined]);
  const listed = (await (await fetch(`${fake.url}/control/requests`)).json()) as {
    records: number;
    accepted: number;
  }[];
  const written = listed.map(({ records, accepted }) => [records, accepted]);
  assert.deepEqual(written, [
    [2, 0],
    [3, 3],
  ]);
  await steer(fake, { random: [{ probability: 1, fault: { kind: "reject", code: "InternalFailure", status: 500 } }] });
  await fetch(`${fake.url}/control/reset`, { method: "POST" });
  assert.deepEqual(await put(client, 1), [undefined]);
});

test("a request can be executed late, when nobody waits for it any more", async () => {
  const { fake, client } = await start();
  fake.faults.next({ kind: "executeLate", ms: 2000 });
  const Records = [{ Data: Buffer.from("late"), PartitionKey: "k" }];
  const abortSignal = AbortSignal.timeout(700);
  await assert.rejects(() => client.send(new PutRecordsCommand({ StreamName: "s", Records }), { abortSignal }));
  await put(client, 1);
  const stored = () => fake.stream("s").shards[0]?.records.map(({ data }) => data.toString());
  await until("both are stored", async () => stored()?.length === 2, { pollMs: 50 });
  assert.deepEqual(stored(), ["\0", "late"]);
});

test("with distribution AUTO keys do not decide about the shard", async () => {
  const { fake, client } = await start({ streams: { s: 4 } });
  fake.stream("s").recordDistribution = "AUTO";
  const Records = Array.from({ length: 40 }, () => ({ Data: Buffer.from("x"), PartitionKey: "same" }));
  const answer = await client.send(new PutRecordsCommand({ StreamName: "s", Records }));
  assert.equal(new Set(answer.Records?.map(({ ShardId }) => ShardId)).size, 4);
});

test("the order of execution is told across shards", async () => {
  const { fake, client } = await start({ streams: { s: 3 } });
  for (let round = 0; round < 3; round++) await put(client, 5);
  const all = fake.stream("s").shards.flatMap(({ records }) => records);
  assert.deepEqual(
    all.map(({ order }) => order).sort((a, b) => a - b),
    Array.from({ length: 15 }, (_, index) => index + 1),
  );
  const byOrder = all.toSorted((a, b) => a.order - b.order).map(({ partitionKey }) => partitionKey);
  assert.deepEqual(byOrder.slice(5, 10), ["k0", "k1", "k2", "k3", "k4"]);
});
