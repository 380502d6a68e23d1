import assert from "node:assert/strict";
import { test } from "node:test";
import { type PutRecordsResult, toOutcome } from "../../../worker/sink/put-records.ts";

const context = { stream: "orders", endpoint: "Kinesis", action: "kinesis:PutRecords" };
const good = { ShardId: "shard-1", SequenceNumber: "7" };

/** What the answer to one record says of it. */
function outcomeOf(result: object) {
  const outcome = toOutcome([result as PutRecordsResult], 1, context);
  assert.ok(outcome.kind === "answered");
  const [record] = outcome.records;
  assert.ok(record);
  return record;
}

test("a record is accepted by its shard and sequence number", () => {
  const accepted = { accepted: true, shardId: "shard-1", sequenceNumber: "7" };
  assert.deepEqual(outcomeOf(good), accepted);
  assert.deepEqual(outcomeOf({ ...good, ErrorCode: null, ErrorMessage: null }), accepted);
});

test("a record without both of them, and without an error, may have been taken or not", () => {
  const numbers = [
    { ...good, SequenceNumber: 7 },
    { ...good, ShardId: ["shard-1"] },
    { ...good, SequenceNumber: "7".repeat(129) },
  ];
  const lacking = [{}, { ShardId: "shard-1" }, { SequenceNumber: "7" }, { ...good, SequenceNumber: "" }];
  for (const result of [...lacking, ...numbers, null as unknown as object]) {
    const record = outcomeOf(result);
    assert.ok(!record.accepted);
    const { code, class: failureClass, ambiguous } = record.failure;
    assert.deepEqual([code, failureClass, ambiguous], ["AmbiguousAnswer", "transient", true]);
  }
});

test("a record with an error was not taken, whatever else is told of it", () => {
  const record = outcomeOf({ ...good, ErrorCode: "InternalFailure" });
  assert.ok(!record.accepted);
  assert.equal(record.failure.ambiguous, false);
});

test("an answer with more records than were sent, with fewer or with none leaves the fate of all of them open", () => {
  for (const results of [undefined, [], [good], [good, good, good], "ab", { length: 2 }, null, 2]) {
    const outcome = toOutcome(results as readonly PutRecordsResult[], 2, context);
    assert.ok(outcome.kind === "failed");
    assert.deepEqual([outcome.failure.code, outcome.failure.ambiguous], ["AmbiguousAnswer", true]);
  }
});
