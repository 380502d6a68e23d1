import type { KinesisClient, Shard as ShardAnswer, StreamDescriptionSummary } from "@aws-sdk/client-kinesis";
import { DescribeStreamSummaryCommand, ListShardsCommand } from "@aws-sdk/client-kinesis";
import { foreignText } from "../../runtime/foreign-text.ts";
import { type Shard, SinkError, type StreamDescription } from "./sink.ts";

/** Of 1,000 shards each: ten times what a stream may have open, for closed ones are listed too. An answer may name a next one for ever. */
const MOST_PAGES = 200;

/** How requests name the stream. */
export type StreamName = { readonly StreamName: string } | { readonly StreamARN: string };

export function streamName(nameOrArn: string): StreamName {
  return nameOrArn.startsWith("arn:") ? { StreamARN: nameOrArn } : { StreamName: nameOrArn };
}

/** The region that a stream's ARN names; undefined for a name. */
export function regionOfArn(nameOrArn: string): string | undefined {
  return /^arn:[^:]*:kinesis:([^:]+):/.exec(nameOrArn)?.[1];
}

/** Without MaxRecordSizeInKiB in the answer: the service's limit before it could be raised. */
const DEFAULT_MAX_RECORD_BYTES = 1_048_576;

/** @throws what the SDK throws */
export async function describeStream(
  client: KinesisClient,
  stream: StreamName,
  abortSignal: AbortSignal,
): Promise<StreamDescription> {
  const { StreamDescriptionSummary: summary } = await client.send(new DescribeStreamSummaryCommand(stream), {
    abortSignal,
  });
  if (summary === undefined) throw new Error("the answer to DescribeStreamSummary has no StreamDescriptionSummary");
  return toDescription(summary);
}

function toDescription(summary: StreamDescriptionSummary): StreamDescription {
  const { MaxRecordSizeInKiB: maxKiB } = summary;
  return {
    name: foreignText(summary.StreamName ?? ""),
    arn: summary.StreamARN ?? "",
    status: foreignText(summary.StreamStatus ?? ""),
    openShards: summary.OpenShardCount ?? 0,
    mode: summary.StreamModeDetails?.StreamMode === "ON_DEMAND" ? "ON_DEMAND" : "PROVISIONED",
    maxRecordBytes: maxKiB === undefined ? DEFAULT_MAX_RECORD_BYTES : maxKiB * 1024,
    recordDistribution: summary.RecordDistributionStrategy === "AUTO" ? "AUTO" : "PARTITION_KEY",
  };
}

/** Every page, closed shards included. @throws what the SDK throws */
export async function listAllShards(
  client: KinesisClient,
  stream: StreamName,
  abortSignal: AbortSignal,
): Promise<readonly Shard[]> {
  const shards: Shard[] = [];
  let nextToken: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = nextToken === undefined ? { ...stream, MaxResults: 1000 } : { NextToken: nextToken };
    const answer = await client.send(new ListShardsCommand(page), { abortSignal });
    for (const shard of answer.Shards ?? []) shards.push(toShard(shard));
    nextToken = answer.NextToken;
    if (nextToken === undefined) return shards;
  }
  throw new SinkError({
    code: "ServiceFailure",
    class: "transient",
    message: `ListShards has more than ${MOST_PAGES} pages: check awsEndpoint; it is asked again`,
    ambiguous: false,
  });
}

/** Decimal digits: of a hash key, whose 128 bits they are, and of a sequence number, at most. */
const HASH_KEY = /^\d{1,39}$/;
const SEQUENCE_NUMBER = /^\d{1,128}$/;

function toShard(shard: ShardAnswer): Shard {
  const range = shard.HashKeyRange;
  const first = shard.SequenceNumberRange?.StartingSequenceNumber ?? "";
  return {
    shardId: shard.ShardId ?? "",
    startingSequenceNumber: SEQUENCE_NUMBER.test(first) ? first : "",
    startingHashKey: hashKey(range?.StartingHashKey),
    endingHashKey: hashKey(range?.EndingHashKey),
    parents: [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined),
    open: shard.SequenceNumberRange?.EndingSequenceNumber === undefined,
  };
}

/** @throws Error where it is none: a number of a million digits would take long */
function hashKey(text = "0"): bigint {
  if (HASH_KEY.test(text)) return BigInt(text);
  throw new Error("the answer to ListShards has a hash key that is no number of 128 bits");
}
