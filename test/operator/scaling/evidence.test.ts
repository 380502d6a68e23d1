import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import { evidence } from "../../../operator/scaling/evidence.ts";
import { totals } from "../../../operator/status/totals.ts";

const WORKER: WorkerStatus = {
  pod: "a",
  state: "Running",
  source: { connected: true, partitions: 4, activePartitions: 4, endedPartitions: 0 },
  stream: { writable: true },
  ratePerSecond: 100,
};

function evidenceOf(workers: readonly Partial<WorkerStatus>[], ordered = false) {
  const reports = workers.map((more) => ({ ...WORKER, ...more }));
  return evidence({
    now: 0,
    beatMs: 10_000,
    ready: reports.length,
    reports,
    totals: totals(reports, ordered),
    ordered,
  });
}

test("the lag is that of the oldest message in the backlog of any worker", () => {
  const { lagSeconds, lagSource } = evidenceOf([
    { lagSeconds: 2, backlogAgeSeconds: 40 },
    { lagSeconds: 3, backlogAgeSeconds: 70 },
  ]);
  assert.deepEqual([lagSeconds, lagSource], [70, "Backlog"]);
});

test("a worker that knows of no backlog tells of what it holds, and that is said", () => {
  assert.deepEqual(lagOf([{ lagSeconds: 2 }, { lagSeconds: 9 }]), [9, "Reported"]);
  assert.deepEqual(lagOf([{ backlogAgeSeconds: 4, lagSeconds: 1 }, { lagSeconds: 90 }]), [90, "Reported"]);
  assert.deepEqual(lagOf([]), [undefined, "Reported"]);
});

function lagOf(workers: readonly Partial<WorkerStatus>[]) {
  const { lagSeconds, lagSource } = evidenceOf(workers);
  return [lagSeconds, lagSource];
}

test("messages that cannot be delivered make their age no reason for more workers, and ordered what waits behind them", () => {
  const poison = { count: 1, topic: "t", messageId: "1:1:1", reason: "RecordTooLarge" };
  const workers = [
    { lagSeconds: 90_000, backlog: 5_000, poison },
    { lagSeconds: 1, backlog: 0 },
  ];
  const unordered = evidenceOf(workers);
  assert.deepEqual([unordered.lagSeconds, unordered.backlog], [undefined, 5_000]);
  const ordered = evidenceOf(workers, true);
  assert.deepEqual([ordered.lagSeconds, ordered.backlog], [undefined, undefined]);
});

test("a shard that is throttled or paced is the limit, by name", () => {
  for (const worker of [{ throttled: { shard: "shardId-7", percent: 3 } }, { slowestShard: "shardId-7" }]) {
    const { obstacle } = evidenceOf([{}, worker]);
    assert.equal(obstacle?.reason, "ShardsLimit");
    assert.match(obstacle?.message ?? "", /^shardId-7 of the stream takes no more/);
  }
  assert.equal(evidenceOf([{}, {}]).obstacle, undefined);
});

test("where no worker reaches both sides an outage is the cause of what waits", () => {
  const cut: Partial<WorkerStatus> = { stream: { writable: false, reason: "EndpointUnreachable" } };
  assert.equal(evidenceOf([cut, cut]).obstacle?.reason, "NothingFlows");
  assert.equal(evidenceOf([cut, {}]).obstacle, undefined);
});

test("those that stand by are not active, in an ordered sink alone", () => {
  const standby = { source: { connected: true, partitions: 4, activePartitions: 0 } };
  assert.equal(evidenceOf([{}, standby, standby], true).active, 1);
  assert.equal(evidenceOf([{}, standby, standby]).active, 3);
});

test("a worker that started less than a minute ago has no rate to count on yet", () => {
  const startedAt = (agoMs: number) => new Date(-agoMs).toISOString();
  const workers = [{ startedAt: startedAt(59_000) }, { startedAt: startedAt(61_000) }, {}];
  assert.equal(evidenceOf(workers).reports, 2);
  assert.equal(evidenceOf(workers).active, 3);
});

test("the worker that holds most counts", () => {
  assert.equal(evidenceOf([{ budgetPercent: 10 }, { budgetPercent: 85 }, {}]).budgetPercent, 85);
  assert.equal(evidenceOf([{}]).budgetPercent, 0, "an older worker does not tell");
});
