import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "../../crds/manifest.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createParts } from "../../worker/parts.ts";
import type { Source } from "../../worker/source/source.ts";
import { goodManifest, mergePatch } from "../crds/good-manifest.ts";
import { startFakeKinesis } from "../fakes/kinesis.ts";
import { until } from "../until.ts";
import { assignment, delivery, message } from "./pipeline/messages.ts";
import { silentLog } from "./source/wire/silent-log.ts";

const STREAM = "orders";
const never = new AbortController().signal;

/** A pipeline that writes to this endpoint, and a source that brings nothing by itself. */
async function pipelineOn(endpoint: string) {
  const config = {
    awsKinesisStreamName: STREAM,
    awsEndpoint: endpoint,
    awsCredentialPluginParam: '{"accessKey":"a","secretKey":"b"}',
  };
  const parsed = parseManifest(JSON.stringify(mergePatch(goodManifest, { spec: { config, secrets: null } })));
  assert.ok(parsed.ok);
  const manifest = parsed.value;
  const parts = createParts({
    manifest,
    readKey: () => assert.fail("no Secret is named"),
    privateKeys: () => assert.fail("no Secret is named"),
    readInlineParam: async () => manifest.spec.config.awsCredentialPluginParam ?? "",
    consumerName: "test",
    budgetBytes: 64 * 1024 * 1024,
    clock: systemClock,
    log: silentLog,
  });
  const { source, pipeline } = await parts.connect(await parts.sink.describe(never));
  const idle: Source = { ...source, start: () => {}, acknowledge: () => {} };
  pipeline.start(idle);
  return { parts, pipeline };
}

test("a stream whose record size is raised takes larger messages, without a restart", async (t) => {
  const fake = await startFakeKinesis({ streams: { [STREAM]: 1 } });
  t.after(() => fake.close());
  const { parts, pipeline } = await pipelineOn(fake.url);
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
  await parts.sink.describe(never);
  deliver();
  await until("it is delivered", async () => pipeline.state().delivered >= 1);
});
