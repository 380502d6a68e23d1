import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import { announcement } from "../../../cli/run/announcement.ts";
import { agreement } from "../../../cli/run/command.ts";
import { liveSink } from "../../operator/sink-fixture.ts";
import { commandLine } from "../command-line.ts";
import { GOOD_FILE } from "../validate/bad-files.ts";

test("before a run it is said what is consumed from where, by which subscription, and where it goes", () => {
  const text = announcement(liveSink({ deadLetter: { topic: "dead" } })).join("\n");
  assert.match(text, /^orders consumes persistent:\/\/public\/default\/orders$/m);
  assert.match(text, /from pulsar:\/\/pulsar:6650, by the subscription shop\.orders \(Shared\)/);
  assert.match(text, /begins at the oldest message$/m);
  assert.match(text, /writes to the stream orders in us-west-2, in the format ONLY_RAW_PAYLOAD/);
  assert.match(text, /never be delivered goes to dead/);
  const pattern = liveSink({
    config: { awsKinesisStreamName: "s", awsEndpoint: "http://localhost:4567", retainOrdering: true },
    pulsar: {
      serviceUrl: "pulsar://pulsar:6650",
      topicsPattern: "public/default/a.*",
      subscription: { name: "mine", initialPosition: "Latest" },
    },
  });
  const other = announcement(pattern).join("\n");
  assert.match(other, /all topics that match public\/default\/a\.\*/);
  assert.match(other, /the subscription mine \(Failover\).*begins at messages published from now on$/m);
  assert.match(other, /the stream s at http:\/\/localhost:4567/);
});

test("nothing is moved where nobody can be asked and nobody agreed", async () => {
  const { code, stdout, stderr } = await commandLine(["run", "-f", "-"], GOOD_FILE);
  assert.equal(code, 2);
  assert.match(stdout, /^orders consumes /);
  assert.match(stderr, /agree with --yes/);
});

for (const [answer, agreed] of [
  ["y\n", true],
  ["YES\n", true],
  ["n\n", false],
  ["\n", false],
  ["", false],
] as const) {
  test(`${JSON.stringify(answer)} ${agreed ? "agrees" : "does not agree"}`, async () => {
    const terminal = Object.assign(Readable.from(answer === "" ? [] : [answer]), { isTTY: true });
    const io = { stdin: terminal, stdout: new PassThrough(), stderr: new PassThrough(), environment: {} };
    assert.equal(await agreement(io), agreed);
  });
}

test("a manifest that is wrong is told as validate tells it", async () => {
  const { code, stdout, stderr } = await commandLine(
    ["run", "--yes", "-f", "-"],
    GOOD_FILE.replace("us-west-2", "us-wset-2"),
  );
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^-:8:16: spec\.config\.awsRegion: /);
});

test("two sinks are one too many", async () => {
  const { code, stderr } = await commandLine(["run", "--yes", "-f", "-"], `${GOOD_FILE}---\n${GOOD_FILE}`);
  assert.equal(code, 2);
  assert.match(stderr, /holds 2 KinesisSinks: give one/);
});

test("a secret given in place of its file is not repeated", async () => {
  const { code, stderr } = await commandLine(["run", "--yes", "-f", "-", "--secret", "hunter2"], GOOD_FILE);
  assert.equal(code, 2);
  assert.match(stderr, /--secret takes NAME\/KEY=FILE/);
  assert.doesNotMatch(stderr, /hunter2/);
});
