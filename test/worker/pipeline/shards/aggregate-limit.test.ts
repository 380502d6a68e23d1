import assert from "node:assert/strict";
import { test } from "node:test";
import { createAggregateLimit } from "../../../../worker/pipeline/shards/aggregate-limit.ts";

test("an aggregate may grow with the round trip, step by step, and within the record limit", () => {
  const limits = { maxRecords: 500, maxBytes: 5_242_880, maxRecordBytes: 200_000 };
  const limit = createAggregateLimit(limits, 100);
  limit.tookMs(20);
  assert.equal(limit.bytes, 51_200);
  for (let round = 0; round < 30; round += 1) limit.tookMs(100);
  assert.equal(limit.bytes, 128_000);
  limit.tookMs(100_000);
  assert.equal(limit.bytes, 153_600);
  for (let round = 0; round < 10; round += 1) limit.tookMs(100_000);
  assert.equal(limit.bytes, 199_999);
  for (let round = 0; round < 60; round += 1) limit.tookMs(1);
  assert.equal(limit.bytes, 51_200);
});
