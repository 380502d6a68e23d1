import { SplitShardCommand } from "@aws-sdk/client-kinesis";
import { kinesisClient } from "../fakes/read-stream.ts";

export interface HashKeyRange {
  readonly shardId: string;
  /** Hash keys, both included. */
  readonly start: bigint;
  readonly end: bigint;
}

/** Splits a shard in the middle, as anybody with access to the stream may at any time. */
export async function halveShard(endpoint: string, stream: string, shard: HashKeyRange | undefined): Promise<void> {
  if (shard === undefined) throw new Error(`${stream} has no such shard`);
  const client = kinesisClient(endpoint);
  try {
    const middle = (shard.start + shard.end) / 2n;
    await client.send(
      new SplitShardCommand({
        StreamName: stream,
        ShardToSplit: shard.shardId,
        NewStartingHashKey: middle.toString(),
      }),
    );
  } finally {
    client.destroy();
  }
}
