/** Facts of a worker that runs, for tests to change. */
import type { PipelineState } from "../../../worker/pipeline/pipeline.ts";
import type { WorkerFacts } from "../../../worker/report/facts.ts";
import type { SourceState } from "../../../worker/source/source.ts";

export const pipeline: PipelineState = {
  received: 120,
  delivered: 100,
  deliveredBytes: 20_000,
  requests: 10,
  records: 100,
  retries: 3,
  throttled: 0,
  outOfOrder: 0,
  deadLettered: 0,
  redelivered: 7,
  oldestPublishTime: 90_000,
  pending: 20,
  pendingBytes: 4000,
  overdue: 0,
  budgetBytes: 1_000_000,
  inFlightRequests: 2,
  slowestShard: null,
  sinkFailure: null,
  sourceFailure: null,
  poison: [],
  poisonCount: 0,
  stuckPartitions: 0,
  heldBackPartitions: 0,
  heldBack: null,
  givenBack: 0,
};
export const source: SourceState = {
  connected: true,
  failure: null,
  partitions: 4,
  activePartitions: 2,
  activeTopics: [],
  endedPartitions: 0,
  givenUpMessages: 8,
};
export const running: WorkerFacts = {
  pod: "orders-1",
  configHash: "abc",
  startedAt: 1000,
  now: 100_000,
  draining: false,
  ordered: true,
  client: "Wire",
  startFailure: null,
  source,
  pipeline,
  stream: {
    description: {
      name: "orders",
      arn: "arn",
      status: "ACTIVE",
      openShards: 4,
      mode: "PROVISIONED",
      maxRecordBytes: 1_048_576,
      recordDistribution: "PARTITION_KEY",
    },
    failure: null,
  },
  rate: 12.4,
  bytesRate: 2480,
  throttledPercent: 0,
  backlog: 5,
};
