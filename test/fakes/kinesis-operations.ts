import type { Faults } from "./kinesis-faults.ts";
import {
  append,
  createStream,
  type FakeShard,
  type FakeStream,
  isOpen,
  MAX_HASH,
  mergeShards,
  shardFor,
  splitShard,
  takeFromBucket,
} from "./kinesis-stream.ts";

/** An error answer of the service. */
export class ServiceError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export interface ServiceState {
  readonly streams: Map<string, FakeStream>;
  readonly faults: Faults;
  /** Enforce 1 MiB/s and 1,000 records/s per shard. */
  shardLimits: boolean;
  /** False: count records and forget them. */
  keepRecords: boolean;
  order: number;
  /** Streams are created after it, epoch milliseconds: one that was deleted has no shard as young as its successor's. */
  lastDeletion: number;
}

export type Input = Readonly<Record<string, unknown>>;
export type Operation = (state: ServiceState, input: Input, requestId: string) => object;

const MAX_REQUEST_BYTES = 10 * 1_048_576;

function text(input: Input, name: string): string {
  const value = input[name];
  if (typeof value !== "string") throw new ServiceError("ValidationException", `${name} must be a string`);
  return value;
}

function findStream(state: ServiceState, input: Input): FakeStream {
  const arn = input["StreamARN"];
  const name = typeof arn === "string" ? arn.slice(arn.indexOf("/") + 1) : text(input, "StreamName");
  const stream = state.streams.get(name);
  if (stream === undefined) {
    throw new ServiceError("ResourceNotFoundException", `Stream ${name} under account 000000000000 not found.`);
  }
  return stream;
}

function findShard(stream: FakeStream, shardId: string): FakeShard {
  const shard = stream.shards.find((candidate) => candidate.shardId === shardId);
  if (shard === undefined) {
    throw new ServiceError("ResourceNotFoundException", `Could not find shard ${shardId} in stream ${stream.name}`);
  }
  return shard;
}

interface Entry {
  readonly data: Buffer;
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
}

function entryOf(stream: FakeStream, input: Input): Entry {
  const data = Buffer.from(text(input, "Data"), "base64");
  const partitionKey = text(input, "PartitionKey");
  const explicitHashKey = input["ExplicitHashKey"] === undefined ? undefined : text(input, "ExplicitHashKey");
  if (partitionKey.length === 0 || partitionKey.length > 256) {
    throw new ServiceError("ValidationException", "PartitionKey must have 1 to 256 characters");
  }
  if (data.length + Buffer.byteLength(partitionKey) > stream.maxRecordSizeInKiB * 1024) {
    throw new ServiceError("ValidationException", `Data and key must not exceed ${stream.maxRecordSizeInKiB} KiB`);
  }
  if (explicitHashKey !== undefined && (!/^\d{1,39}$/.test(explicitHashKey) || BigInt(explicitHashKey) > MAX_HASH)) {
    throw new ServiceError("InvalidArgumentException", "ExplicitHashKey is not a 128-bit number");
  }
  return { data, partitionKey, explicitHashKey };
}

/** Code that a record of an executed request fails with, or null. */
type RecordFailure = (index: number) => string | null;

type Result =
  | { readonly SequenceNumber: string; readonly ShardId: string }
  | { readonly ErrorCode: string; readonly ErrorMessage: string };

function execute(
  state: ServiceState,
  stream: FakeStream,
  entry: Entry,
  failure: string | null,
  requestId: string,
): Result {
  if (failure !== null) return { ErrorCode: failure, ErrorMessage: "Injected failure" };
  const shard = shardFor(stream, entry.partitionKey, entry.explicitHashKey);
  const bytes = entry.data.length + Buffer.byteLength(entry.partitionKey);
  if (state.shardLimits && !takeFromBucket(shard, bytes, performance.now())) {
    const message = `Rate exceeded for shard ${shard.shardId} in stream ${stream.name} under account 000000000000.`;
    return { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: message };
  }
  state.order += 1;
  const record = { ...entry, arrivedAt: Date.now(), order: state.order, requestId };
  return { SequenceNumber: append(shard, record, state.keepRecords), ShardId: shard.shardId };
}

/** PutRecords, with failures of records by script or probability. */
export function putRecords(state: ServiceState, input: Input, requestId: string, scripted: RecordFailure) {
  const stream = findStream(state, input);
  const inputs = input["Records"];
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > 500) {
    throw new ServiceError("ValidationException", "Records must have 1 to 500 members");
  }
  const entries = (inputs as Input[]).map((record) => entryOf(stream, record));
  const bytes = entries.reduce((sum, entry) => sum + entry.data.length + Buffer.byteLength(entry.partitionKey), 0);
  if (bytes > MAX_REQUEST_BYTES) throw new ServiceError("InvalidArgumentException", "Records size exceeds 10 MB limit");
  const results = entries.map((entry, index) => {
    const { recordFailure } = state.faults.plan;
    const failure = scripted(index) ?? (state.faults.recordFails() ? (recordFailure?.code ?? null) : null);
    return execute(state, stream, entry, failure, requestId);
  });
  return { FailedRecordCount: results.filter((result) => "ErrorCode" in result).length, Records: results };
}

export function putRecord(state: ServiceState, input: Input, requestId: string): object {
  const stream = findStream(state, input);
  const result = execute(state, stream, entryOf(stream, input), null, requestId);
  if ("ErrorCode" in result) throw new ServiceError(result.ErrorCode, result.ErrorMessage);
  return result;
}

function shardAnswer(shard: FakeShard): object {
  return {
    ShardId: shard.shardId,
    ParentShardId: shard.parents[0],
    AdjacentParentShardId: shard.parents[1],
    HashKeyRange: { StartingHashKey: shard.start.toString(), EndingHashKey: shard.end.toString() },
    SequenceNumberRange: {
      StartingSequenceNumber: shard.startingSequenceNumber,
      EndingSequenceNumber: shard.endingSequenceNumber,
    },
  };
}

function description(stream: FakeStream) {
  return {
    StreamName: stream.name,
    StreamARN: stream.arn,
    StreamStatus: stream.status,
    StreamModeDetails: { StreamMode: stream.mode },
    RetentionPeriodHours: 24,
    StreamCreationTimestamp: stream.createdAt / 1000,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: "NONE",
  };
}

/** Everything on streams and shards; what reads records is in kinesis-reads.ts. */
export const STREAM_OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateStream(state, input) {
    const name = text(input, "StreamName");
    if (state.streams.has(name)) throw new ServiceError("ResourceInUseException", `Stream ${name} already exists.`);
    const createdAt = Math.max(Date.now(), state.lastDeletion + 1000);
    state.streams.set(name, createStream(name, Number(input["ShardCount"] ?? 4), createdAt));
    return {};
  },
  DeleteStream(state, input) {
    const { name, second } = findStream(state, input);
    state.streams.delete(name);
    state.lastDeletion = Math.max(state.lastDeletion, second * 1000);
    return {};
  },
  DescribeStreamSummary(state, input) {
    const stream = findStream(state, input);
    return {
      StreamDescriptionSummary: {
        ...description(stream),
        OpenShardCount: stream.shards.filter(isOpen).length,
        ConsumerCount: 0,
        MaxRecordSizeInKiB: stream.maxRecordSizeInKiB,
        RecordDistributionStrategy: stream.recordDistribution,
      },
    };
  },
  DescribeStream(state, input) {
    const stream = findStream(state, input);
    const Shards = stream.shards.map(shardAnswer);
    return { StreamDescription: { ...description(stream), Shards, HasMoreShards: false } };
  },
  ListShards(state, input) {
    const token = input["NextToken"];
    const [name, from] = typeof token === "string" ? (JSON.parse(token) as [string, number]) : [undefined, 0];
    const stream = findStream(state, name === undefined ? input : { StreamName: name });
    const until = from + Number(input["MaxResults"] ?? 1000);
    const page = stream.shards.slice(from, until).map(shardAnswer);
    return {
      Shards: page,
      ...(until < stream.shards.length ? { NextToken: JSON.stringify([stream.name, until]) } : {}),
    };
  },
  SplitShard(state, input) {
    const stream = findStream(state, input);
    const shard = findShard(stream, text(input, "ShardToSplit"));
    const at = BigInt(text(input, "NewStartingHashKey"));
    if (!isOpen(shard) || at <= shard.start || at > shard.end) {
      throw new ServiceError("InvalidArgumentException", `Shard ${shard.shardId} cannot be split at ${at}`);
    }
    splitShard(stream, shard, at);
    return {};
  },
  MergeShards(state, input) {
    const stream = findStream(state, input);
    const shard = findShard(stream, text(input, "ShardToMerge"));
    const adjacent = findShard(stream, text(input, "AdjacentShardToMerge"));
    const touching = shard.end + 1n === adjacent.start || adjacent.end + 1n === shard.start;
    if (!isOpen(shard) || !isOpen(adjacent) || !touching) {
      throw new ServiceError("InvalidArgumentException", "The shards are not open neighbours");
    }
    mergeShards(stream, shard, adjacent);
    return {};
  },
  UpdateMaxRecordSize(state, input) {
    findStream(state, input).maxRecordSizeInKiB = Number(input["MaxRecordSizeInKiB"]);
    return {};
  },
  UpdateStreamRecordDistributionStrategy(state, input) {
    findStream(state, input).recordDistribution =
      input["RecordDistributionStrategy"] === "AUTO" ? "AUTO" : "USER_PARTITION_KEY";
    return {};
  },
};
