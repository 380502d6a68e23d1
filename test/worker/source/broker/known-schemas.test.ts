import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogFields, Logger } from "../../../../runtime/log.ts";
import { createKnownSchemas } from "../../../../worker/source/broker/known-schemas.ts";
import { SchemaStore } from "../../../../worker/source/broker/schema-store.ts";
import { type SchemaInfo, SourceError } from "../../../../worker/source/source.ts";
import { createVirtualClock, settle } from "../../../clock.ts";
import { silentLog } from "../../../silent-log.ts";

const TOPIC = "persistent://public/default/orders";
const version = (n: number): Buffer => Buffer.from([0, 0, 0, 0, 0, 0, n >> 8, n & 255]);
const infoOf = (definition: string): SchemaInfo => ({
  type: "AVRO",
  data: Buffer.from(definition),
  properties: new Map([["owner", "shop"]]),
});

/** A registry before a broker that answers what `answer` says, and writes down what it was asked and when. */
function rig(answer: (topic: string, asked: number) => SchemaInfo | null | Promise<SchemaInfo | null>) {
  const clock = createVirtualClock();
  const asked: { readonly topic: string; readonly at: number }[] = [];
  const warnings: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const log: Logger = { ...silentLog, warn: (message, fields) => void warnings.push({ message, fields }) };
  const store = new SchemaStore();
  const end = new AbortController();
  const schemas = createKnownSchemas({
    ask: async (topic) => {
      asked.push({ topic, at: clock.now() });
      return await answer(topic, asked.length);
    },
    clock,
    log,
    signal: end.signal,
    random: () => 0.5,
    store,
  });
  return { clock, asked, warnings, store, end, schemas };
}

test("what a version names is at hand once it was asked for, for all partitions of its topic", async () => {
  const { schemas, asked } = rig(() => infoOf("a"));
  const asking = [0, 1].map((n) => schemas.schema(`${TOPIC}-partition-${n}`, version(0)));
  const [first, second] = await Promise.all(asking);
  assert.equal(first, second);
  assert.equal(schemas.schema(TOPIC, version(0)), first, "the same object, at once");
  assert.equal(asked.length, 1);
  await schemas.schema(TOPIC, version(1));
  await schemas.schema(TOPIC, null);
  await schemas.schema(TOPIC, null);
  assert.equal(asked.length, 4, "the latest is another one at any time");
});

test("a version that names another schema after a while is replaced before it is used again, and told", async () => {
  let definition = "a";
  const { schemas, clock, warnings } = rig(() => infoOf(definition));
  const before = await schemas.schema(TOPIC, version(0));
  definition = "b";
  await clock.advance(60_000);
  const now = schemas.schema(TOPIC, version(0));
  assert.ok(now instanceof Promise, "it waits for the look");
  assert.equal(Buffer.from((await now)?.data ?? []).toString(), "b");
  assert.notEqual(await schemas.schema(TOPIC, version(0)), before);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]?.message ?? "", /names another schema than before/);
  assert.deepEqual(warnings[0]?.fields, { topic: TOPIC, version: 0n, type: "AVRO" });
});

test("what is in use is looked at within a minute while it is used; what is not, never", async () => {
  let definition = "a";
  const { schemas, clock, asked, end } = rig(() => infoOf(definition));
  const unused = `${TOPIC}-unused`;
  for (const topic of [TOPIC, unused]) await schemas.schema(topic, version(0));
  definition = "b";
  for (let second = 0; second < 60; second++) {
    assert.ok(!(schemas.schema(TOPIC, version(0)) instanceof Promise), "nothing waits");
    await clock.advance(1000);
  }
  const now = schemas.schema(TOPIC, version(0));
  assert.ok(!(now instanceof Promise));
  assert.equal(Buffer.from(now?.data ?? []).toString(), "b");
  assert.equal(asked.filter(({ topic }) => topic === unused).length, 1);
  assert.equal(asked.filter(({ topic }) => topic === TOPIC).length, 2);
  end.abort();
});

test("what cannot be looked at again stays known: refused, silent or gone", async () => {
  const refused = new SourceError("AuthorizationFailed", "asking for the schema: the broker answered no");
  const later: readonly (() => SchemaInfo | null | Promise<SchemaInfo | null>)[] = [
    () => Promise.reject(refused),
    () => new Promise(() => undefined),
    () => null,
  ];
  for (const answer of later) {
    const { schemas, clock, asked } = rig((_topic, count) => (count === 1 ? infoOf("a") : answer()));
    const before = await schemas.schema(TOPIC, version(0));
    await clock.advance(3_600_000);
    let found: SchemaInfo | null | undefined;
    void Promise.resolve(schemas.schema(TOPIC, version(0))).then((info) => {
      found = info;
    });
    await clock.advance(2_000);
    assert.equal(found, before, "waited for at most 2 s");
    assert.equal(asked.length, 2);
    const other = schemas.schema(`${TOPIC}-2`, version(0));
    assert.ok(other instanceof Promise, "others go on");
    other.catch(() => undefined);
  }
});

test("after a look that failed nothing waits, and it is tried again", async () => {
  let fails = true;
  const { schemas, clock, asked, warnings } = rig((_topic, count) => {
    if (count > 1 && fails) throw new SourceError("BrokerNotReady", "not now");
    return infoOf(count === 1 ? "a" : "b");
  });
  await schemas.schema(TOPIC, version(0));
  await clock.advance(60_000);
  await schemas.schema(TOPIC, version(0));
  assert.ok(!(schemas.schema(TOPIC, version(0)) instanceof Promise));
  assert.equal(warnings.length, 1);
  fails = false;
  await clock.advance(30_000);
  schemas.schema(TOPIC, version(0));
  await clock.advance(100);
  assert.equal(asked.length, 3);
  assert.equal(Buffer.from((await schemas.schema(TOPIC, version(0)))?.data ?? []).toString(), "b");
});

test("5,000 versions in use are looked at again 50 a second at most, and nothing waits for that", async () => {
  const { schemas, clock, asked, end } = rig((topic) => infoOf(topic));
  const topics = Array.from({ length: 5000 }, (_, n) => `${TOPIC}-${n}`);
  for (const topic of topics) void schemas.schema(topic, version(0));
  await settle();
  asked.length = 0;
  for (let second = 0; second < 180; second += 10) {
    for (const topic of topics) assert.ok(!(schemas.schema(topic, version(0)) instanceof Promise));
    await clock.advance(10_000);
  }
  end.abort();
  const bySecond = Map.groupBy(asked, ({ at }) => Math.floor(at / 1000));
  const most = Math.max(...[...bySecond.values()].map((of) => of.length));
  assert.ok(most <= 51, `${most} in a second`);
  assert.equal(new Set(asked.map(({ topic }) => topic)).size, 5000, "each had its turn");
});

test("a version that is not there is asked for once by all who need it, and not again for 2 s", async () => {
  let info: SchemaInfo | null = null;
  const { schemas, clock, asked } = rig(() => info);
  const needed = Array.from({ length: 100 }, () => schemas.schema(TOPIC, version(7)));
  assert.ok((await Promise.all(needed)).every((found) => found === null));
  await clock.advance(1900);
  assert.equal(schemas.schema(TOPIC, version(7)), null);
  assert.equal(asked.length, 1);
  info = infoOf("a");
  await clock.advance(200);
  assert.equal(await schemas.schema(TOPIC, version(7)), await schemas.schema(TOPIC, version(7)));
  assert.equal(asked.length, 2);
});

test("5,000 topics with definitions of 20 kB, and unknown versions without end, take 16 MiB", async () => {
  const { schemas, store, asked } = rig((topic) => (topic === TOPIC ? null : infoOf(topic.padEnd(20_000, "x"))));
  for (let n = 0; n < 5000; n++) {
    await schemas.schema(`${TOPIC}-${n}`, version(0));
    assert.ok(store.bytes <= 16 * 1024 * 1024);
  }
  assert.ok(store.bytes > 12 * 1024 * 1024, "as many as there is room for");
  assert.ok(!(schemas.schema(`${TOPIC}-4999`, version(0)) instanceof Promise), "the last stays");
  assert.ok(schemas.schema(`${TOPIC}-0`, version(0)) instanceof Promise, "the first is asked for again");
  for (let n = 0; n < 30_000; n++) await schemas.schema(TOPIC, version(n));
  assert.equal(asked.length, 35_001);
  assert.ok(store.bytes <= 16 * 1024 * 1024);
});

test("topics with one definition share it", async () => {
  const { schemas, store } = rig(() => infoOf("x".repeat(20_000)));
  const first = await schemas.schema(`${TOPIC}-0`, version(0));
  const one = store.bytes;
  for (let n = 1; n < 1000; n++) assert.equal(await schemas.schema(`${TOPIC}-${n}`, version(0)), first);
  assert.ok(store.bytes - one < 1000 * 1000, `${store.bytes - one} bytes for 999 more topics`);
});
