import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryShortage } from "../../../../worker/source/native/memory.ts";

const MiB = 1024 * 1024;

test("each topic-partition takes 100 MiB of the limit, beside 128 MiB for the worker", () => {
  assert.equal(memoryShortage(428 * MiB, 3), null);
  assert.equal(memoryShortage(428 * MiB - 1, 3)?.code, "MemoryLimitTooLow");
  assert.equal(memoryShortage(512 * MiB, 3), null);
  assert.equal(memoryShortage(512 * MiB, 4)?.code, "MemoryLimitTooLow");
});

test("the message names the limit, the topic-partitions and what to set", () => {
  const { message } = memoryShortage(512 * MiB, 16) ?? assert.fail();
  assert.match(message, /the memory limit of 512 MiB cannot hold .* 16 topic-partitions/);
  assert.match(
    message,
    /raise spec\.pod\.resources\.limits\.memory to at least 1728Mi, or set spec\.pulsar\.client to Wire/,
  );
  assert.equal(memoryShortage(1728 * MiB, 16), null);
});

test("without a limit, and without topics, nothing is too much", () => {
  assert.equal(memoryShortage(null, 1_000), null);
  assert.equal(memoryShortage(64 * MiB, 0), null);
});
