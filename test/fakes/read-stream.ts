import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  type Shard,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { decodeAggregate } from "./aggregate.ts";
import { type FakeShard, hashOf, type StoredRecord } from "./kinesis-stream.ts";

/** A user record as a consumer on the Kinesis Client Library sees it. */
export interface UserRecord {
  readonly shardId: string;
  /** Of the Kinesis record. */
  readonly sequenceNumber: string;
  /** Position within an aggregate; 0 in a record of its own. */
  readonly subSequenceNumber: number;
  readonly partitionKey: string;
  readonly data: Buffer;
  readonly aggregated: boolean;
}

export interface StreamContent {
  /** In the order in which the KCL hands them on: shards after their parents, records by sequence number. */
  readonly records: readonly UserRecord[];
  readonly byShard: ReadonlyMap<string, readonly UserRecord[]>;
  /** Kinesis records, aggregates counted once. */
  readonly kinesisRecords: number;
  /** Aggregates that a consumer drops because a sub-record belongs to another shard, and the user records in them. */
  readonly droppedAggregates: number;
  readonly droppedRecords: number;
}

/** Any endpoint of the Kinesis API; any credentials. */
export function kinesisClient(endpoint: string): KinesisClient {
  return new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "reader", secretAccessKey: "reader" },
    requestHandler: new NodeHttpHandler({ httpsAgent: { rejectUnauthorized: false } }),
  });
}

/** Reads all that is in a stream now, from its beginning. */
export async function readStream(endpoint: string, streamName: string): Promise<StreamContent> {
  const client = kinesisClient(endpoint);
  try {
    const tally = { kinesisRecords: 0, droppedAggregates: 0, droppedRecords: 0 };
    const byShard = new Map<string, UserRecord[]>();
    for (const shard of parentsFirst(await listShards(client, streamName))) {
      byShard.set(shard.ShardId ?? "", await readShard(client, streamName, shard, tally));
    }
    return { records: [...byShard.values()].flat(), byShard, ...tally };
  } finally {
    client.destroy();
  }
}

async function listShards(client: KinesisClient, streamName: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let nextToken: string | undefined;
  do {
    const page = nextToken === undefined ? { StreamName: streamName } : { NextToken: nextToken };
    const answer = await client.send(new ListShardsCommand(page));
    shards.push(...(answer.Shards ?? []));
    nextToken = answer.NextToken;
  } while (nextToken !== undefined);
  return shards;
}

/** Every shard after its parents. */
export function parentsFirst(shards: readonly Shard[]): Shard[] {
  const known = new Map(shards.map((shard) => [shard.ShardId, shard]));
  const ordered = new Set<Shard>();
  const visit = (shard: Shard | undefined): void => {
    if (shard === undefined || ordered.has(shard)) return;
    if (shard.ParentShardId !== undefined) visit(known.get(shard.ParentShardId));
    if (shard.AdjacentParentShardId !== undefined) visit(known.get(shard.AdjacentParentShardId));
    ordered.add(shard);
  };
  for (const shard of shards) visit(shard);
  return [...ordered];
}

interface Tally {
  kinesisRecords: number;
  droppedAggregates: number;
  droppedRecords: number;
}

async function readShard(client: KinesisClient, streamName: string, shard: Shard, tally: Tally): Promise<UserRecord[]> {
  const found: UserRecord[] = [];
  const start = { StreamName: streamName, ShardId: shard.ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
  let iterator = (await client.send(new GetShardIteratorCommand(start))).ShardIterator;
  let emptyAtTip = 0;
  while (iterator !== undefined && emptyAtTip < 2) {
    const answer = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
    for (const record of answer.Records ?? []) {
      tally.kinesisRecords += 1;
      const data = Buffer.from(record.Data ?? new Uint8Array());
      found.push(...expand(shard, record.SequenceNumber ?? "", record.PartitionKey ?? "", data, tally));
    }
    iterator = answer.NextShardIterator;
    emptyAtTip = answer.Records?.length === 0 && (answer.MillisBehindLatest ?? 0) === 0 ? emptyAtTip + 1 : 0;
  }
  return found;
}

/** A Kinesis record's user records, with the KCL's range check (AggregatorUtil: one stray sub-record drops them all). */
function expand(shard: Shard, sequenceNumber: string, partitionKey: string, data: Buffer, tally: Tally): UserRecord[] {
  const place = { shardId: shard.ShardId ?? "", sequenceNumber };
  const parts = decodeAggregate(data);
  if (parts === null) return [{ ...place, subSequenceNumber: 0, partitionKey, data, aggregated: false }];
  const first = BigInt(shard.HashKeyRange?.StartingHashKey ?? 0);
  const last = BigInt(shard.HashKeyRange?.EndingHashKey ?? 0);
  const inside = parts.every((part) => {
    const hash = part.explicitHashKey === undefined ? hashOf(part.partitionKey) : BigInt(part.explicitHashKey);
    return first <= hash && hash <= last;
  });
  if (!inside) {
    tally.droppedAggregates += 1;
    tally.droppedRecords += parts.length;
    return [];
  }
  return parts.map((part, subSequenceNumber) => ({
    ...place,
    subSequenceNumber,
    partitionKey: part.partitionKey,
    data: part.data,
    aggregated: true,
  }));
}

/** The user records of one that lies in a shard of the fake; none of an aggregate that a consumer drops. */
export function userRecords({ shardId, start, end }: FakeShard, record: StoredRecord): UserRecord[] {
  const range = { StartingHashKey: String(start), EndingHashKey: String(end) };
  const tally = { kinesisRecords: 0, droppedAggregates: 0, droppedRecords: 0 };
  const shard = { ShardId: shardId, HashKeyRange: range, SequenceNumberRange: undefined };
  return expand(shard, record.sequenceNumber, record.partitionKey, record.data, tally);
}
