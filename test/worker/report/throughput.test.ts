import assert from "node:assert/strict";
import { test } from "node:test";
import { createThroughput } from "../../../worker/report/throughput.ts";
import { pipeline } from "./running-facts.ts";

const empty = { ...pipeline, delivered: 0, deliveredBytes: 0, records: 0, throttled: 0 };

test("nothing flows before there is anything to compare", () => {
  const throughput = createThroughput();
  assert.deepEqual([throughput.messages(), throughput.bytes(), throughput.throttledPercent()], [0, 0, 0]);
  throughput.sample(0, empty);
  assert.deepEqual([throughput.messages(), throughput.bytes(), throughput.throttledPercent()], [0, 0, 0]);
});

test("messages and their bytes are counted per second, throttled records in percent of those sent", () => {
  const throughput = createThroughput();
  throughput.sample(0, empty);
  throughput.sample(10_000, { ...empty, delivered: 50, deliveredBytes: 1_000, records: 40, throttled: 10 });
  assert.deepEqual([throughput.messages(), throughput.bytes(), throughput.throttledPercent()], [5, 100, 25]);
});
