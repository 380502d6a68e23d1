import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { commandLine } from "../command-line.ts";
import { badFiles, GOOD_FILE, goodFiles } from "./bad-files.ts";

const STDIN = ["validate", "-"];

test("there are all kinds of bad manifests", () => assert.ok(badFiles.length >= 56, `${badFiles.length}`));

for (const { name, text, told } of badFiles) {
  test(`validate tells the place and the remedy: ${name}`, async () => {
    const { code, stdout } = await commandLine(STDIN, text);
    assert.equal(code, 1, stdout);
    for (const part of told) assert.ok(stdout.includes(part), `no "${part}" in:\n${stdout}`);
    for (const line of stdout.trimEnd().split("\n")) assert.match(line, /^-:(\d+:\d+: | KinesisSink \S+ is valid$)/);
    assert.doesNotMatch(stdout, /AKIASECRET|s3cr3tvalue|eyJhbGciOi/);
  });
}

for (const { name, text } of goodFiles) {
  test(`validate takes ${name}`, async () => {
    const { code, stdout } = await commandLine(STDIN, text);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^-: KinesisSink orders is valid$/m);
  });
}

test("all problems are told at once, in the order of the lines", async () => {
  const text = GOOD_FILE.replace("us-west-2", "us-wset-2")
    .replace("serviceUrl", "serviceURL")
    .concat("  keyless: Spreed\n");
  const { stdout, stderr } = await commandLine(STDIN, text);
  const places = [...stdout.matchAll(/^-:(\d+):/gm)].map(([, line]) => Number(line));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  for (const field of ["spec.pulsar.serviceURL", "spec.pulsar.serviceUrl", "spec.keyless"])
    assert.ok(stdout.includes(field));
  assert.match(stderr, /problems$/m);
});

test("fields without effect and a plain connection to the port for TLS are warnings", async () => {
  const text = GOOD_FILE.replace("6650", "6651").replace("    awsRegion", "    minConnections: 2\n    awsRegion");
  const { code, stdout } = await commandLine(STDIN, text);
  assert.equal(code, 0);
  assert.match(stdout, /^-:8:21: warning: spec\.config\.minConnections: has no effect: remove it$/m);
  assert.match(stdout, /^-:13:17: warning: spec\.pulsar\.serviceUrl: names port 6651/m);
});

test("as JSON", async () => {
  const { code, stdout } = await commandLine(
    [...STDIN, "--output", "json"],
    GOOD_FILE.replace("us-west-2", "us-wset-2"),
  );
  assert.equal(code, 1);
  const { valid, sinks, problems } = JSON.parse(stdout);
  assert.equal(valid, false);
  assert.deepEqual(sinks, [{ file: "-", line: 1, name: "orders", valid: false }]);
  const [{ file, line, column, severity, code: id, field }] = problems;
  assert.deepEqual(
    [file, line, column, severity, id, field],
    ["-", 8, 16, "error", "UnknownRegion", "spec.config.awsRegion"],
  );
});

describe("files", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "validate-"));
    await writeFile(join(folder, "good.yaml"), GOOD_FILE);
    await writeFile(join(folder, "bad.yml"), GOOD_FILE.replace("us-west-2", "us-wset-2"));
    await writeFile(join(folder, "secret.json"), JSON.stringify({ apiVersion: "v1", kind: "Secret" }));
    await writeFile(join(folder, "notes.txt"), "no manifest");
  });
  after(() => rm(folder, { recursive: true }));

  test("are named, by themselves or with -f, as a folder or as a pattern", async () => {
    const good = join(folder, "good.yaml");
    for (const args of [[good], ["-f", good], ["--filename", good], [join(folder, "g*.yaml")]]) {
      assert.deepEqual(await commandLine(["validate", ...args]), {
        code: 0,
        stdout: `${good}: KinesisSink orders is valid\n`,
        stderr: "",
      });
    }
    const { code, stdout } = await commandLine(["validate", folder]);
    assert.equal(code, 1);
    assert.match(stdout, /bad\.yml:8:16: /);
    assert.match(stdout, /good\.yaml: KinesisSink orders is valid/);
    assert.doesNotMatch(stdout, /secret\.json/, "other objects beside sinks are nothing to complain about");
    await writeFile(join(folder, "empty.yaml"), "");
    const withEmpty = await commandLine(["validate", join(folder, "good.yaml"), join(folder, "empty.yaml")]);
    assert.equal(withEmpty.code, 1);
    assert.match(withEmpty.stdout, /empty\.yaml:1:1: holds no KinesisSink: it is empty/);
  });

  test("that are not there are a usage error", async () => {
    for (const args of [[], [join(folder, "gone.yaml")], [join(folder, "*.toml")]]) {
      const { code, stderr } = await commandLine(["validate", ...args]);
      assert.equal(code, 2);
      assert.match(stderr, /no file|cannot read .*ENOENT|matches no file/);
    }
  });
});
