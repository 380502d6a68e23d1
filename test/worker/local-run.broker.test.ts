import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createStream } from "../e2e/stage.ts";
import { type Kinesis, startKinesis } from "../env/kinesis/emulator.ts";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { readStream } from "../fakes/read-stream.ts";
import { MODES } from "../load/guarantee.ts";
import { pulsarAdmin } from "../load/pulsar-admin.ts";
import { sinkManifest } from "../load/sink-manifest.ts";
import { checkStream, createTraffic } from "../load/traffic.ts";
import { startWorker, type WorkerProcess } from "../load/worker-process.ts";
import { until } from "../until.ts";
import { encryptor, rsaKey } from "./source/wire/encryption.ts";
import { batchPayload, createPublisher, numberedMessages } from "./source/wire/publisher.ts";

const ROOT = join(import.meta.dirname, "../..");
const MESSAGES = 500;
const CREDENTIALS = { accessKey: "visible-key", secretKey: "hunter2-secret" };

describe("a worker run from a manifest, outside Kubernetes,", () => {
  let pulsar: Pulsar;
  let kinesis: Kinesis;
  let folder: string;
  const workers: WorkerProcess[] = [];

  before(async () => {
    const log = (line: string) => console.error(line);
    folder = await mkdtemp(join(tmpdir(), "local-run-"));
    [pulsar, kinesis] = await Promise.all([startPulsar({ log }), startKinesis({ log })]);
  });
  after(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    await Promise.all([pulsar.close(), kinesis.close()]);
    await rm(folder, { recursive: true });
  });

  function manifest(name: string, ordered: boolean, stream = name, more: object = {}): object {
    const { serviceUrl, adminUrl } = pulsar;
    return sinkManifest(
      { name },
      {
        config: { awsKinesisStreamName: stream, awsEndpoint: kinesis.endpoint, retainOrdering: ordered },
        pulsar: { serviceUrl, adminUrl, topics: [name], ...more },
      },
    );
  }

  async function run(given: object | string, secrets: readonly string[] = []): Promise<WorkerProcess> {
    const worker = await startWorker(folder, { manifest: given, credentials: CREDENTIALS, secrets });
    workers.push(worker);
    return worker;
  }

  for (const mode of MODES) {
    it(`moves messages ${mode}, shows its report, drains on SIGTERM and tells no secret`, async () => {
      const name = `local-${mode}`;
      const topic = `persistent://public/default/${name}`;
      await pulsarAdmin(pulsar.adminUrl).createPartitionedTopic(topic, 2);
      await createStream(kinesis.endpoint, name, 2);
      const { output, stop } = await run(manifest(name, mode === "ordered"));
      const traffic = createTraffic({ serviceUrl: pulsar.serviceUrl, topic, partitions: 2, keys: 20 });
      await traffic.publish(MESSAGES);
      await traffic.close();
      await until(
        "the report shows that all were delivered",
        async () => new RegExp(`Running .* ${MESSAGES} delivered`).test(output()),
        { last: output },
      );
      assert.equal(await stop(), 0, output());
      const result = await checkStream(traffic.produced, kinesis.endpoint, name, mode);
      assert.ok(result.ok, result.explain());
      assert.equal(result.duplicates, 0);
      assert.doesNotMatch(output(), /hunter2-secret/);
    });
  }

  it("decrypts with a private key given by its file, waits for it while it is not given, and tells nothing of it", async () => {
    const name = "local-encrypted";
    const key = rsaKey();
    const keyFile = join(folder, "private.pem");
    await writeFile(keyFile, key.pem);
    await createStream(kinesis.endpoint, name, 1);
    const encryptedSink = manifest(name, true, name, { encryption: { privateKeys: { name: "orders-keys" } } });
    const publisher = createPublisher(pulsar.serviceUrl);
    const encrypted = encryptor({ "orders-key": key.publicKey })(batchPayload(numberedMessages(50, 100, 10)));
    await publisher.single(name, encrypted.payload, { ...encrypted.metadata, numMessagesInBatch: 50 });
    await publisher.close();

    const without = await run(encryptedSink);
    const isMissing = /SecretMissing: Secret orders-keys .*--secret orders-keys\/ENCRYPTION-KEY-NAME=FILE/;
    await until("it says what is missing", async () => isMissing.test(without.output()), { last: without.output });
    await without.stop();

    const { output, stop } = await run(encryptedSink, [`orders-keys/orders-key=${keyFile}`]);
    await until("all were delivered", async () => /Running .* 50 delivered/.test(output()), { last: output });
    assert.equal(await stop(), 0, output());
    const { records } = await readStream(kinesis.endpoint, name);
    assert.deepEqual(
      records.map(({ data }) => Number.parseInt(data.toString(), 10)).toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_, index) => index),
    );
    const body = key.pem.split("\n").slice(1, -2);
    assert.ok(body.every((line) => !output().includes(line)));
  });

  it("says what is wrong while the stream does not exist, and goes on when it does", async () => {
    const { output, stop } = await run(manifest("local-missing", true, "not-there"));
    await until("StreamNotFound is shown", async () => /StreamNotFound: .*not-there/.test(output()), { last: output });
    await createStream(kinesis.endpoint, "not-there", 1);
    await until("it runs", async () => /Running .*stream writable/.test(output()), { last: output });
    assert.equal(await stop(), 0, output());
  });

  it("refuses a manifest with a clear message and exit code 1", async () => {
    const { output, ended } = await run(
      "apiVersion: pulsar-kinesis.io/v1alpha1\nkind: KinesisSink\nmetadata: {name: bad}\nspec: {config: {awsRegio: x}}\n",
    );
    assert.equal(await ended(), 1);
    assert.match(output(), /spec\.config\.awsRegio/);
  });

  it("explains its arguments when they are wrong, with exit code 2", async () => {
    const child = spawn(process.execPath, ["worker/main.ts"], { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (text) => (errors += text));
    assert.deepEqual(await once(child, "close"), [2, null]);
    assert.match(errors, /-f is missing[\s\S]*usage: npm run worker/);
  });
});
