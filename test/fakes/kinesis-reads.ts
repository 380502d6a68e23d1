import { type Operation, ServiceError } from "./kinesis-operations.ts";
import type { StoredRecord } from "./kinesis-stream.ts";

const MAX_ANSWER_BYTES = 10 * 1_048_576;

interface Iterator {
  readonly stream: string;
  readonly shardId: string;
  readonly position: number;
}

/** The first record at or after a sequence number of the same shard. */
function positionOf(records: readonly StoredRecord[], sequenceNumber: string): number {
  const index = records.findIndex((record) => record.sequenceNumber >= sequenceNumber);
  return index === -1 ? records.length : index;
}

function recordAnswer(record: StoredRecord): object {
  return {
    Data: record.data.toString("base64"),
    PartitionKey: record.partitionKey,
    SequenceNumber: record.sequenceNumber,
    ApproximateArrivalTimestamp: record.arrivedAt / 1000,
  };
}

export const READ_OPERATIONS: Readonly<Record<string, Operation>> = {
  GetShardIterator(state, input) {
    const arn = input["StreamARN"];
    const name = typeof arn === "string" ? arn.slice(arn.indexOf("/") + 1) : String(input["StreamName"]);
    const shard = state.streams.get(name)?.shards.find(({ shardId }) => shardId === input["ShardId"]);
    if (shard === undefined) throw new ServiceError("ResourceNotFoundException", `No such shard in stream ${name}`);
    const from = String(input["StartingSequenceNumber"] ?? "");
    const { records } = shard;
    const positions: Readonly<Record<string, () => number>> = {
      TRIM_HORIZON: () => 0,
      LATEST: () => records.length,
      AT_SEQUENCE_NUMBER: () => positionOf(records, from),
      AFTER_SEQUENCE_NUMBER: () => {
        const at = positionOf(records, from);
        return records[at]?.sequenceNumber === from ? at + 1 : at;
      },
    };
    const position = positions[String(input["ShardIteratorType"])];
    if (position === undefined) throw new ServiceError("ValidationException", "Unknown ShardIteratorType");
    const iterator: Iterator = { stream: name, shardId: shard.shardId, position: position() };
    return { ShardIterator: Buffer.from(JSON.stringify(iterator)).toString("base64") };
  },
  GetRecords(state, input) {
    const text = Buffer.from(String(input["ShardIterator"]), "base64").toString();
    const iterator = JSON.parse(text) as Iterator;
    const shard = state.streams.get(iterator.stream)?.shards.find(({ shardId }) => shardId === iterator.shardId);
    if (shard === undefined) throw new ServiceError("ResourceNotFoundException", "The stream is gone");
    const limit = Math.min(Number(input["Limit"] ?? 10_000), 10_000);
    let position = iterator.position;
    let bytes = 0;
    const answers: object[] = [];
    while (position < shard.records.length && answers.length < limit) {
      const record = shard.records[position];
      if (record === undefined || (answers.length > 0 && bytes + record.data.length > MAX_ANSWER_BYTES)) break;
      bytes += record.data.length;
      answers.push(recordAnswer(record));
      position += 1;
    }
    const ended = shard.endingSequenceNumber !== undefined && position >= shard.records.length;
    const next = Buffer.from(JSON.stringify({ ...iterator, position })).toString("base64");
    return { Records: answers, MillisBehindLatest: 0, ...(ended ? {} : { NextShardIterator: next }) };
  },
};
