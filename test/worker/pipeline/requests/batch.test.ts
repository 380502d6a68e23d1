import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { add, admits, emptyBatch } from "../../../../worker/pipeline/requests/batch.ts";
import { record } from "./outbound-record.ts";

const limits = { maxRecords: 3, maxBytes: 100, maxRecordBytes: 50 };

describe("a batch", () => {
  test("takes records up to the limits of count and bytes", () => {
    const batch = emptyBatch();
    add(batch, record("a", 60));
    assert.equal(admits(batch, record("b", 41), limits), false);
    assert.equal(admits(batch, record("b", 40), limits), true);
    add(batch, record("b"));
    add(batch, record("c"));
    assert.equal(admits(batch, record("d", 1), limits), false);
  });

  test("takes a record above the request's bytes alone", () => {
    assert.equal(admits(emptyBatch(), record("a", 1_000), limits), true);
  });
});
