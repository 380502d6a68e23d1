import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments, UsageError } from "../../worker/arguments.ts";

test("a manifest and files for secrets run a worker locally", () => {
  assert.deepEqual(
    parseArguments(["-f", "sink.yaml", "--secret", "aws/creds.json=/tmp/a=b.json", "--http-port", "0"]),
    {
      kind: "local",
      manifest: "sink.yaml",
      secrets: new Map([["aws/creds.json", "/tmp/a=b.json"]]),
      httpPort: 0,
    },
  );
});

test("the operator's arguments run a worker in a pod", () => {
  const args = ["--config", "/c/sink.json", "--keys", "/k", "--api-credentials", "/t", "--http-port", "8080"];
  assert.deepEqual(parseArguments(args), {
    kind: "pod",
    config: "/c/sink.json",
    keys: "/k",
    apiCredentials: "/t",
    httpPort: 8080,
  });
});

test("the Job of a deleted sink unsubscribes", () => {
  assert.deepEqual(parseArguments(["--config=/c/sink.json", "--keys=/k", "--unsubscribe"]), {
    kind: "unsubscribe",
    config: "/c/sink.json",
    keys: "/k",
  });
});

for (const [args, message] of [
  [["--unsubscribe", "--keys=/k"], /--config is missing/],
  [[], /-f is missing/],
  [["--config", "/c/sink.json"], /--keys is missing/],
  [["-f", "a.yaml", "--http-port", "70000"], /70000 is not a port/],
  [["-f", "a.yaml", "--frobnicate"], /frobnicate/],
] as const) {
  test(`${JSON.stringify(args)} is a usage error`, () => {
    assert.throws(
      () => parseArguments(args),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
    );
  });
}

test("a secret given in place of a file is not repeated in the error", () => {
  assert.throws(
    () => parseArguments(["-f", "a.yaml", "--secret", "hunter2"]),
    (error: unknown) => error instanceof UsageError && !error.message.includes("hunter2"),
  );
});
