import assert from "node:assert/strict";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, parse } from "node:path";
import { test } from "node:test";
import { readDocuments } from "../../../crds/validation/documents.ts";
import { goodManifest } from "../../crds/good-manifest.ts";
import { commandLine } from "../command-line.ts";

const INPUTS = join(import.meta.dirname, "inputs");
const GOLDEN = join(import.meta.dirname, "golden");
const inputs = globSync("*", { cwd: INPUTS });

test("there is an input of each kind", () => {
  const kinds = [
    "function-mesh",
    "function-mesh-minimal",
    "function-mesh-several",
    "pulsar-admin",
    "pulsar-io",
    "pulsar-sink",
  ];
  assert.deepEqual(inputs.map((file) => parse(file).name).toSorted(), kinds);
});

for (const input of inputs) {
  test(`what becomes of ${input} is as written down, is valid, and holds no credential`, async () => {
    const { code, stdout, stderr } = await commandLine(["convert", join(INPUTS, input)]);
    assert.deepEqual([code, stderr], [0, ""], stdout);
    const file = join(GOLDEN, `${parse(input).name}.yaml`);
    if (process.env["UPDATE_GOLDEN"] === "1") {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(file, stdout);
    }
    assert.ok(existsSync(file), `${file} is missing: run with UPDATE_GOLDEN=1`);
    assert.equal(stdout, readFileSync(file, "utf8"));
    assert.doesNotMatch(stdout, /hunter2/i);
    const validated = await commandLine(["validate", "-"], stdout);
    assert.equal(validated.code, 0, validated.stdout);
    assert.doesNotMatch(validated.stdout, /warning/);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 130, line);
  });
}

function objects(text: string): { kind: string; metadata: { name: string }; stringData?: Record<string, string> }[] {
  const read = readDocuments(text);
  assert.ok(read.ok, text);
  return read.documents.map(({ value }) => value as ReturnType<typeof objects>[number]);
}

test("credentials go to a file that only its owner reads, and never over one that is there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "convert-"));
  try {
    const file = join(folder, "secrets.yaml");
    const args = ["convert", join(INPUTS, "pulsar-admin.json"), "--secrets-file", file];
    const { code, stdout } = await commandLine(args);
    assert.equal(code, 0);
    assert.deepEqual(
      objects(stdout).map(({ kind }) => kind),
      ["KinesisSink"],
    );
    const [secret] = objects(await readFile(file, "utf8"));
    assert.equal(secret?.metadata.name, "aws-orders");
    assert.equal(secret.stringData?.["credentials.json"], '{"accessKey":"AKIAHUNTER2","secretKey":"hunter2-secret"}');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const again = await commandLine(args);
    assert.deepEqual([again.code, again.stdout], [2, ""]);
    assert.match(again.stderr, /exists: name a new file/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("credentials are printed when that is asked for", async () => {
  const { stdout } = await commandLine(["convert", join(INPUTS, "function-mesh-minimal.yaml"), "--show-secrets"]);
  const secret = objects(stdout).find(({ kind }) => kind === "Secret");
  assert.deepEqual(secret?.stringData, { token: "hunter2-token" });
});

test("addresses that the input does not hold are given", async () => {
  const addresses = ["--service-url", "pulsar://broker:6650", "--admin-url", "http://broker:8080"];
  const { stdout } = await commandLine(["convert", join(INPUTS, "pulsar-admin.json"), ...addresses, "-o", "json"]);
  const { kind, items } = JSON.parse(stdout);
  assert.equal(kind, "List");
  const [sink, secret] = items;
  assert.deepEqual(
    [sink.spec.pulsar.serviceUrl, sink.spec.pulsar.adminUrl],
    ["pulsar://broker:6650", "http://broker:8080"],
  );
  assert.doesNotMatch(JSON.stringify(secret), /hunter2/i);
});

test("what the connector lacked is told, and the exit code says so", async () => {
  const text = "name: orders\nsinkType: kinesis\ninputs: [orders]\nconfigs: { awsKinesisStreamName: orders }\n";
  const { code, stdout, stderr } = await commandLine(["convert", "-"], text);
  assert.equal(code, 1);
  assert.match(stdout, /^kind: KinesisSink$/m);
  assert.match(stderr, /^orders: spec\.config\.awsRegion: awsRegion is required/m);
  assert.match(stderr, /^orders: spec\.config\.awsCredentialPluginName: no credentials/m);
});

test("what is no connector is not converted", async () => {
  for (const text of [JSON.stringify(goodManifest), "apiVersion: v1\nkind: Secret\n", ""]) {
    const { code, stdout, stderr } = await commandLine(["convert", "-"], text);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /nothing to convert/);
  }
});
