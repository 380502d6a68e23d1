import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parseManifest } from "../../crds/validation/manifest.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { createParts } from "../../worker/parts.ts";
import type { Source } from "../../worker/source/source.ts";
import { goodManifest, type Json, mergePatch } from "../crds/good-manifest.ts";
import { type FakeKinesis, startFakeKinesis } from "../fakes/kinesis.ts";
import { silentLog } from "../silent-log.ts";
import { until } from "../until.ts";
import { assignment, delivery, message } from "./pipeline/messages.ts";

const STREAM = "orders";
const KEYS = '{"accessKey":"a","secretKey":"b"}';
const INLINE = { config: { awsCredentialPluginParam: KEYS }, secrets: null };
const never = new AbortController().signal;
let fake: FakeKinesis;

before(async () => {
  fake = await startFakeKinesis({ streams: { [STREAM]: 1 } });
});
after(() => fake.close());

/** The parts of a worker that writes to the fake endpoint. */
function partsOf(change: Json, readParam: () => Promise<string> = async () => KEYS, clock: Clock = systemClock) {
  const config = { awsKinesisStreamName: STREAM, awsEndpoint: fake.url };
  const manifest = mergePatch(mergePatch(goodManifest, { spec: { config } }), { spec: change });
  const parsed = parseManifest(JSON.stringify(manifest));
  assert.ok(parsed.ok);
  return createParts({
    manifest: parsed.value,
    readKey: async () => Buffer.from(await readParam()),
    privateKeys: () => assert.fail("no private keys are named"),
    readInlineParam: readParam,
    consumerName: "test",
    memoryLimitBytes: 2560 * 1024 * 1024,
    clock,
    log: silentLog,
  });
}

test("a stream whose record size is raised takes larger messages, without a restart", async (t) => {
  const parts = partsOf(INLINE);
  const { source, pipeline } = await parts.connect(await parts.streamWatch.untilUsable(never));
  // A source that brings nothing by itself.
  const idle: Source = Object.assign(source, { start: () => {}, acknowledge: () => {} });
  pipeline.start(idle);
  t.after(() => {
    pipeline.close();
    parts.sink.close();
  });
  const orders = assignment();
  pipeline.assigned(orders);
  const large = message("k", "", { payload: Buffer.alloc(2 * 1024 * 1024) });
  const deliver = () => pipeline.deliver({ ...delivery(orders, []), messages: [large] });
  deliver();
  assert.deepEqual([pipeline.state().poisonCount, pipeline.state().poison[0]?.code], [1, "RecordTooLarge"]);
  fake.stream(STREAM).maxRecordSizeInKiB = 10_240;
  await parts.streamWatch.look(never);
  deliver();
  await until("it is delivered", async () => pipeline.state().delivered >= 1);
});

for (const [title, change, everySeconds] of [
  ["an inline parameter is read every minute, for the API server has to answer each time", INLINE, 60],
  ["a mounted parameter is read every few seconds", {}, 3],
] as const) {
  test(title, async (t) => {
    let reads = 0;
    let now = 0;
    const readParam = async (): Promise<string> => {
      reads += 1;
      return KEYS;
    };
    const parts = partsOf(change, readParam, { ...systemClock, now: () => now });
    t.after(() => parts.sink.close());
    await parts.sink.describe(never);
    now += 1_000 * everySeconds - 1_000;
    const before = reads;
    await parts.sink.describe(never);
    now += 1_000;
    await parts.sink.describe(never);
    assert.deepEqual([before, reads], [1, 2]);
  });
}
