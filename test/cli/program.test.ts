import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createProgram } from "../../cli/program.ts";
import { commandLine } from "./command-line.ts";

const ROOT = join(import.meta.dirname, "../..");
const { version, bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const names = createProgram({ ...process, environment: {} }, () => {})
  .commands.map((command) => command.name())
  .filter((name) => !name.startsWith("_"));

for (const command of [[], ...names.map((name) => [name])]) {
  const shown = ["kinesis-sink", ...command].join(" ");
  test(`${shown} has --help and --version`, async () => {
    const help = await commandLine([...command, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`^Usage: ${shown} `));
    assert.deepEqual(await commandLine([...command, "--version"]), { code: 0, stdout: `${version}\n`, stderr: "" });
  });
}

test("help tells the exit codes", async () => {
  assert.match((await commandLine(["--help"])).stdout, /Exit codes:\n {2}0 /);
});

for (const args of [["frobnicate"], ["validate", "--frobnicate"], ["validate", "-o", "xml", "-"], ["run"]]) {
  test(`${args.join(" ")} is a usage error`, async () => {
    const { code, stdout, stderr } = await commandLine(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^error: /);
  });
}

test("without a command the help is shown, as a usage error", async () => {
  const { code, stderr } = await commandLine([]);
  assert.equal(code, 2);
  assert.match(stderr, /Usage: kinesis-sink/);
});

test("npm links the compiled program", () => {
  assert.deepEqual(bin, { "kinesis-sink": "dist/cli/main.js" });
  assert.match(readFileSync(join(ROOT, "cli/main.ts"), "utf8"), /^#!\/usr\/bin\/env node\n/);
});
