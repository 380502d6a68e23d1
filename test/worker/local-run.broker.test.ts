import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { createStream } from "../e2e/stage.ts";
import { type Kinesis, startKinesis } from "../env/kinesis/emulator.ts";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { readStream } from "../fakes/read-stream.ts";
import { checkGuarantee } from "../load/guarantee.ts";
import { pulsarAdmin } from "../load/pulsar-admin.ts";
import { createTraffic, readNumbered } from "../load/traffic.ts";
import { until } from "../until.ts";
import { encryptor, rsaKey } from "./source/wire/encryption.ts";
import { batchPayload, createPublisher, numberedMessages } from "./source/wire/publisher.ts";

const ROOT = join(import.meta.dirname, "../..");
const MESSAGES = 500;

interface Run {
  readonly child: ChildProcess;
  /** Everything printed so far, on either stream. */
  output(): string;
}

describe("a worker run from a manifest, outside Kubernetes,", () => {
  let pulsar: Pulsar;
  let kinesis: Kinesis;
  let folder: string;
  const children: ChildProcess[] = [];

  before(async () => {
    const log = (line: string) => console.error(line);
    folder = await mkdtemp(join(tmpdir(), "local-run-"));
    [pulsar, kinesis] = await Promise.all([startPulsar({ log }), startKinesis({ log })]);
  });
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([pulsar.close(), kinesis.close()]);
    await rm(folder, { recursive: true });
  });

  async function manifest(name: string, ordered: boolean, stream = name, more: object = {}): Promise<string> {
    const file = join(folder, `${name}.yaml`);
    const object = {
      apiVersion: KINESIS_SINKS.apiVersion,
      kind: KINESIS_SINKS.kind,
      metadata: { name },
      spec: {
        config: { awsKinesisStreamName: stream, awsEndpoint: kinesis.endpoint, retainOrdering: ordered },
        secrets: { awsCredentialPluginParam: { name: "aws", key: "credentials.json" } },
        pulsar: { serviceUrl: pulsar.serviceUrl, adminUrl: pulsar.adminUrl, topics: [name], ...more },
      },
    };
    await writeFile(file, JSON.stringify(object));
    return file;
  }

  async function run(file: string, secrets: readonly string[] = []): Promise<Run> {
    const secret = join(folder, "credentials.json");
    await writeFile(secret, JSON.stringify({ accessKey: "visible-key", secretKey: "hunter2-secret" }));
    const files = [`aws/credentials.json=${secret}`, ...secrets].flatMap((text) => ["--secret", text]);
    const args = ["worker/main.ts", "-f", file, ...files];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    let output = "";
    child.stdout?.on("data", (text) => (output += text));
    child.stderr?.on("data", (text) => (output += text));
    return { child, output: () => output };
  }

  for (const mode of ["ordered", "unordered"] as const) {
    it(`moves messages ${mode}, shows its report, drains on SIGTERM and tells no secret`, async () => {
      const name = `local-${mode}`;
      const topic = `persistent://public/default/${name}`;
      await pulsarAdmin(pulsar.adminUrl).createPartitionedTopic(topic, 2);
      await createStream(kinesis.endpoint, name, 2);
      const { child, output } = await run(await manifest(name, mode === "ordered"));
      const traffic = createTraffic({ serviceUrl: pulsar.serviceUrl, topic, partitions: 2, keys: 20 });
      await traffic.publish(MESSAGES);
      await traffic.close();
      await until(
        "the report shows that all were delivered",
        async () => new RegExp(`Running .* ${MESSAGES} delivered`).test(output()),
        { last: output },
      );
      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "close"), [0, null], output());
      const result = checkGuarantee(traffic.produced, await readNumbered(kinesis.endpoint, name), mode);
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
    const file = await manifest(name, true, name, { encryption: { privateKeys: { name: "orders-keys" } } });
    const publisher = createPublisher(pulsar.serviceUrl);
    const encrypted = encryptor({ "orders-key": key.publicKey })(batchPayload(numberedMessages(50, 100, 10)));
    await publisher.single(name, encrypted.payload, { ...encrypted.metadata, numMessagesInBatch: 50 });
    await publisher.close();

    const without = await run(file);
    const isMissing = /SecretMissing: Secret orders-keys .*--secret orders-keys\/ENCRYPTION-KEY-NAME=FILE/;
    await until("it says what is missing", async () => isMissing.test(without.output()), { last: without.output });
    without.child.kill("SIGTERM");
    await once(without.child, "close");

    const { child, output } = await run(file, [`orders-keys/orders-key=${keyFile}`]);
    await until("all were delivered", async () => /Running .* 50 delivered/.test(output()), { last: output });
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "close"), [0, null], output());
    const { records } = await readStream(kinesis.endpoint, name);
    assert.deepEqual(
      records.map(({ data }) => Number.parseInt(data.toString(), 10)).toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_, index) => index),
    );
    const body = key.pem.split("\n").slice(1, -2);
    assert.ok(body.every((line) => !output().includes(line)));
  });

  it("says what is wrong while the stream does not exist, and goes on when it does", async () => {
    const { child, output } = await run(await manifest("local-missing", true, "not-there"));
    await until("StreamNotFound is shown", async () => /StreamNotFound: .*not-there/.test(output()), { last: output });
    await createStream(kinesis.endpoint, "not-there", 1);
    await until("it runs", async () => /Running .*stream writable/.test(output()), { last: output });
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "close"), [0, null], output());
  });

  it("refuses a manifest with a clear message and exit code 1", async () => {
    const file = join(folder, "bad.yaml");
    await writeFile(
      file,
      "apiVersion: pulsar-kinesis.io/v1alpha1\nkind: KinesisSink\nmetadata: {name: bad}\nspec: {config: {awsRegio: x}}\n",
    );
    const { child, output } = await run(file);
    assert.deepEqual(await once(child, "close"), [1, null]);
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
