import type { StreamDescription } from "../../worker/sink/sink.ts";

/** A stream that records can be put into, as it is described. */
export const USABLE_STREAM: StreamDescription = {
  name: "orders",
  arn: "arn",
  status: "ACTIVE",
  openShards: 2,
  mode: "PROVISIONED",
  maxRecordBytes: 1_048_576,
  recordDistribution: "PARTITION_KEY",
};
