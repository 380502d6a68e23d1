import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiveSink } from "../../../operator/desired/names.ts";
import { freshMemory, type Memory } from "../../../operator/reconcile/context.ts";
import {
  intervened,
  PAUSED_ANNOTATION,
  RECONCILE_ANNOTATION,
  remembered,
} from "../../../operator/reconcile/interventions.ts";
import { computeStatus } from "../../../operator/status/status.ts";
import { liveSink, NO_PAUSE } from "../sink-fixture.ts";

const annotated = (annotations: Record<string, string>, spec = {}): LiveSink => liveSink(spec, { annotations });

test("a sink is paused by its annotation, its namespace or the fleet, and its status says by which and what ends it", () => {
  const words = (sink: LiveSink) => {
    const observed = { pods: [], workers: [], stale: [], ignoredProperties: [] };
    const deployment = { generation: 1, observedGeneration: 1, replicas: 0, conditions: [] };
    const { conditions } = computeStatus({ ...observed, deployment, sink }, [], "2026-01-01T00:00:00Z");
    return conditions.find(({ type }) => type === "Paused")?.message;
  };
  const cases = [
    [
      intervened(annotated({ [PAUSED_ANNOTATION]: "true" }), NO_PAUSE),
      /annotation pulsar-kinesis\.io\/paused .*removed/,
    ],
    [intervened(liveSink(), { all: false, namespaces: ["shop"] }), /this namespace: .* pause\.namespaces/],
    [intervened(liveSink(), { all: true, namespaces: [] }), /all sinks: .* pause\.all/],
    [intervened(liveSink({ paused: true }), NO_PAUSE), /^spec\.paused is true/],
  ] as const;
  for (const [sink, message] of cases) {
    assert.equal(sink.spec.paused, true);
    assert.match(words(sink) ?? "", message);
  }
});

test("nothing else pauses, and the sink in the mirror stays as it is", () => {
  for (const value of ["false", "", "yes"]) {
    const sink = annotated({ [PAUSED_ANNOTATION]: value });
    assert.equal(intervened(sink, { all: false, namespaces: ["other"] }), sink);
  }
  const sink = annotated({ [PAUSED_ANNOTATION]: "true" });
  intervened(sink, NO_PAUSE);
  assert.equal(sink.spec.paused, false);
});

test("another value of the annotation forgets what was done, and keeps what is under way", () => {
  const at = (value?: string) => annotated(value === undefined ? {} : { [RECONCILE_ANNOTATION]: value });
  const known: Memory = { ...freshMemory("0000-sink"), asked: "1", deploymentGeneration: 7 };
  known.applied.set("Role", { hash: "h", fingerprint: "f", resourceVersion: "1" });
  known.merged.set("ConfigMap", { metadata: { name: "orders-kinesis-sink" } });
  assert.deepEqual(remembered(known, at("1")), { memory: known, forced: false });
  const { memory, forced } = remembered(known, at("2"));
  assert.equal(forced, true);
  assert.deepEqual([memory.applied.size, memory.merged.size, memory.deploymentGeneration], [0, 1, 7]);
  assert.equal(remembered(memory, at("2")).forced, false, "once");
  assert.equal(remembered(memory, at()).forced, false, "its removal asks for nothing");
  assert.equal(remembered(undefined, at("2")).forced, false, "all is new anyway");
  assert.equal(remembered({ ...known, uid: "former" }, at("2")).memory.deploymentGeneration, 0);
});
