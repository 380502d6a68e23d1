import assert from "node:assert/strict";
import { test } from "node:test";
import { program } from "../../../runtime/version.ts";
import { entryFacts, workerEntry } from "../../../worker/report/entry.ts";
import type { WorkerFacts } from "../../../worker/report/facts.ts";
import { workerHealth } from "../../../worker/report/health.ts";
import type { SinkFailure } from "../../../worker/sink/sink.ts";
import { statusErrors } from "../../crds/status-errors.ts";
import { pipeline, running, source } from "./running-facts.ts";

const poisoned = { topic: "t", messageId: "1:2:3", code: "Undecodable", message: "m" } as const;
const failure = (code: SinkFailure["code"], kind: SinkFailure["class"]): SinkFailure => ({
  code,
  class: kind,
  message: `${code} happened: mend it`,
  ambiguous: false,
});

test("a worker whose source and stream are usable is Running and ready", () => {
  assert.deepEqual(
    { ...workerEntry(running), startedAt: "", reportedAt: "" },
    {
      pod: "orders-1",
      state: "Running",
      configHash: "abc",
      version: program.version,
      client: "Wire",
      startedAt: "",
      reportedAt: "",
      source: { connected: true, partitions: 4, activePartitions: 2, endedPartitions: 0 },
      stream: { writable: true, shards: 4 },
      ratePerSecond: 12,
      bytesPerSecond: 2480,
      backlog: 5,
      delivered: 100,
      inFlight: 20,
      lagSeconds: 10,
      budgetPercent: 0,
      retried: 3,
      redelivered: 7,
      deadLettered: 0,
    },
  );
  assert.equal(workerHealth(running).ready, true);
});

for (const [title, facts, state, reason, ready] of [
  [
    "nothing known yet",
    { source: null, pipeline: null, stream: { description: null, failure: null } },
    "Starting",
    undefined,
    false,
  ],
  [
    "stream missing",
    { stream: { description: null, failure: failure("StreamNotFound", "notReady") } },
    "Stalled",
    "StreamNotFound",
    false,
  ],
  [
    "endpoint gone",
    { stream: { description: null, failure: failure("EndpointUnreachable", "transient") } },
    "Waiting",
    "EndpointUnreachable",
    false,
  ],
  [
    "throttled",
    { stream: { ...running.stream, failure: failure("Throttled", "throttled") } },
    "Running",
    undefined,
    true,
  ],
  [
    "broker gone",
    { source: { ...source, connected: false, failure: { code: "BrokerUnreachable", message: "m" } } },
    "Waiting",
    "BrokerUnreachable",
    false,
  ],
  [
    "not authorised",
    { source: { ...source, connected: false, failure: { code: "AuthorizationFailed", message: "m" } } },
    "Stalled",
    "AuthorizationFailed",
    false,
  ],
  [
    "poison",
    {
      pipeline: {
        ...pipeline,
        poisonCount: 1,
        poison: [poisoned],
      },
    },
    "Stalled",
    "PoisonMessage",
    true,
  ],
  [
    "poison set aside by an unordered pipeline",
    { ordered: false, pipeline: { ...pipeline, poisonCount: 10_000, poison: [poisoned] } },
    "Running",
    undefined,
    true,
  ],
  [
    "too much poison set aside",
    { ordered: false, pipeline: { ...pipeline, poisonCount: 10_001, poison: [poisoned] } },
    "Stalled",
    "TooManyParked",
    true,
  ],
  [
    "large poison that fills the memory by itself, so that nothing is received any more",
    {
      ordered: false,
      pipeline: { ...pipeline, poisonCount: 8, pending: 8, pendingBytes: 1_000_000, poison: [poisoned] },
    },
    "Stalled",
    "TooManyParked",
    true,
  ],
  [
    "poison whose batches are all that a broker lets a consumer have unacknowledged",
    {
      ordered: false,
      source: { ...source, fullTopic: "orders" },
      pipeline: { ...pipeline, poisonCount: 45, poison: [poisoned], stuckPartitions: 1 },
    },
    "Stalled",
    "TooManyParked",
    true,
  ],
  [
    "as much unacknowledged, which will be done",
    { source: { ...source, fullTopic: "orders" }, pipeline },
    "Running",
    undefined,
    true,
  ],
  [
    "topic-partitions that were closed since they do not move",
    { pipeline: { ...pipeline, heldBackPartitions: 2, heldBack: { topic: "orders", why: "no schema" } } },
    "Waiting",
    "PartitionsStuck",
    true,
  ],
  [
    "a full memory that will be free again",
    {
      ordered: false,
      pipeline: { ...pipeline, poisonCount: 8, pending: 9, pendingBytes: 1_000_000, poison: [poisoned] },
    },
    "Running",
    undefined,
    true,
  ],
  [
    "schemas or dead letters fail",
    { pipeline: { ...pipeline, sourceFailure: { code: "BrokerUnreachable", message: "m" } } },
    "Waiting",
    "BrokerUnreachable",
    true,
  ],
  [
    "bad configuration",
    { startFailure: { code: "InvalidConfiguration", message: "m" } },
    "Stalled",
    "InvalidConfiguration",
    false,
  ],
  ["told to stop", { draining: true }, "Draining", undefined, false],
] satisfies [string, Partial<WorkerFacts>, string, string | undefined, boolean][]) {
  test(`${title}: ${state}${reason ? `, ${reason}` : ""}${ready ? "" : ", not ready"}`, () => {
    const entry = workerEntry({ ...running, ...facts });
    assert.equal(entry.state, state);
    assert.equal(entry.reason, reason);
    assert.equal(workerHealth({ ...running, ...facts }).ready, ready);
    assert.deepEqual(statusErrors({ workers: [entry] }), [], "the API server takes it");
  });
}

test("a message that is longer than the schema allows is cut, and the entry stays valid", () => {
  const entry = workerEntry({ ...running, startFailure: { code: "InvalidConfiguration", message: "x".repeat(5000) } });
  assert.deepEqual(statusErrors({ workers: [entry] }), []);
});

test("numbers are no reason for a report, states and causes are", () => {
  const facts = (changes: Partial<WorkerFacts>) => entryFacts(workerEntry({ ...running, ...changes }));
  assert.equal(facts({ rate: 99, backlog: 77, now: 200_000 }), facts({}));
  assert.notEqual(facts({ draining: true }), facts({}));
  assert.notEqual(facts({ stream: { description: null, failure: failure("AccessDenied", "notReady") } }), facts({}));
});

test("names that others chose cannot reach a terminal by the status", () => {
  const facts = {
    ...running,
    pipeline: { ...pipeline, poisonCount: 1, poison: [{ ...poisoned, topic: "t\u001b[2J\u0000" }] },
  };
  assert.ok(JSON.stringify(workerEntry(facts)).includes("t\ufffd[2J\ufffd"));
  assert.doesNotMatch(JSON.stringify(workerEntry(facts)), /\\u00/);
});
