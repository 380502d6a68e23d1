import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createLogger } from "../../runtime/log.ts";

async function lines(write: (stream: PassThrough) => void): Promise<Record<string, unknown>[]> {
  const stream = new PassThrough();
  write(stream);
  await new Promise((resolve) => setImmediate(resolve));
  const text = String(stream.read() ?? "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a line is one JSON object with time, level, program, message and fields", async () => {
  const [line] = await lines((stream) => {
    createLogger({ program: "worker", level: "info", stream }).with({ sink: "orders" }).info("started", { shards: 4 });
  });
  assert.ok(line);
  assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(
    { ...line, time: "" },
    { time: "", level: "info", program: "worker", message: "started", sink: "orders", shards: 4 },
  );
});

test("fields whose names tell of secrets are replaced at any depth", async () => {
  const [line] = await lines((stream) => {
    createLogger({ program: "p", level: "info", stream }).info("m", {
      a: { secretKey: "s3cr3t", list: [{ token: "t0k3n" }] },
    });
  });
  const text = JSON.stringify(line);
  assert.ok(!text.includes("s3cr3t") && !text.includes("t0k3n"), text);
});

test("an error shows its code and message, and its stack only at debug level", async () => {
  const error = Object.assign(new Error("broker gone"), { code: "BrokerUnreachable" });
  const [info] = await lines((stream) => createLogger({ program: "p", level: "info", stream }).warn("m", { error }));
  assert.deepEqual(info?.["error"], { name: "Error", code: "BrokerUnreachable", message: "broker gone" });
  const [debug] = await lines((stream) => createLogger({ program: "p", level: "debug", stream }).warn("m", { error }));
  assert.match(String((debug?.["error"] as { stack?: string } | undefined)?.stack), /log\.test\.ts/);
});

test("levels below the chosen one are not written", async () => {
  assert.equal((await lines((stream) => createLogger({ program: "p", level: "warn", stream }).info("m"))).length, 0);
});

test("another level holds from then on, also for the loggers that come from the first", async () => {
  const written = await lines((stream) => {
    const root = createLogger({ program: "p", level: "warn", stream });
    const log = root.with({ sink: "orders" });
    log.debug("before");
    root.setLevel("debug");
    log.debug("after", { error: new Error("gone") });
    root.setLevel("error");
    log.warn("too little");
  });
  assert.deepEqual(
    written.map(({ message }) => message),
    ["after"],
  );
  assert.match(String((written[0]?.["error"] as { stack?: string } | undefined)?.stack), /log\.test\.ts/);
});
