import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { commandLine } from "./command-line.ts";

async function completed(...words: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await commandLine(["__complete", "--", ...words]);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n");
}

for (const [words, expected] of [
  [["va"], ["validate", ":4"]],
  [["--ver"], ["--version", ":4"]],
  [
    ["validate", "--o"],
    ["--output", ":4"],
  ],
  [
    ["validate", "--output", "j"],
    ["json", ":4"],
  ],
  [
    ["validate", "-o", ""],
    ["text", "json", ":4"],
  ],
  [["validate", "ord"], [":0"]],
  [["run", "-f", "ord"], [":0"]],
  [["status", "--context", "pr"], [":4"]],
  [
    ["completion", ""],
    ["bash", "zsh", ":4"],
  ],
] as const) {
  test(`"${words.join(" ")}" is completed as ${expected.join(" ")}`, async () => {
    assert.deepEqual(await completed(...words), expected);
  });
}

test("what is for scripts alone is not offered", async () => {
  const offered = await completed("");
  assert.ok(offered.includes("why"));
  assert.ok(!offered.some((name) => name.startsWith("_")));
});

test("bash completes by the script", async () => {
  const { stdout: script } = await commandLine(["completion", "bash"]);
  const program = 'kinesis-sink() { printf "%s\\n" validate :4; }';
  const ask = 'COMP_WORDS=(kinesis-sink va); COMP_CWORD=1; _kinesis_sink; echo "$COMPREPLY"';
  const { stdout } = await promisify(execFile)("bash", ["-c", `${program}\n${script}\n${ask}`]);
  assert.equal(stdout, "validate\n");
});
