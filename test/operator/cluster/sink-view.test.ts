import assert from "node:assert/strict";
import { test } from "node:test";
import { LARGEST_SPEC, sinkView } from "../../../operator/cluster/sink-view.ts";
import type { LiveSink } from "../../../operator/desired/names.ts";
import type { KubeObject } from "../../../operator/kube/objects.ts";
import { reviewSpec } from "../../../operator/reconcile/validate-spec.ts";
import { liveSink } from "../sink-fixture.ts";

const view = (sink: object): LiveSink => sinkView(sink as KubeObject).sink;
const size = (value: unknown) => JSON.stringify(value).length;
const MEGABYTE = 2 ** 20;

test("of a usual sink all is kept but what nobody asks for", () => {
  const sink = liveSink({ pod: { env: [{ name: "A", value: "b" }] } }, { labels: { canary: "yes" } });
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "x", "pulsar-kinesis.io/mine": "kept" };
  const metadata = { ...sink.metadata, annotations, managedFields: [{ manager: "kubectl" }] };
  const status = { observedGeneration: 1, workers: [{ pod: "w1", state: "Running" }] };
  assert.deepEqual(view({ ...sink, metadata, status }), {
    ...sink,
    metadata: { ...sink.metadata, annotations: { "pulsar-kinesis.io/mine": "kept" } },
    status,
  });
});

test("a field that has no effect takes no memory, however large it is, and is still told", () => {
  const sink = liveSink();
  const config = { ...sink.spec.config, extraKinesisProducerConfig: { a: "x".repeat(MEGABYTE) } };
  const kept = view({ ...sink, spec: { ...sink.spec, config } });
  assert.deepEqual(kept.spec.config.extraKinesisProducerConfig, {});
  assert.equal(reviewSpec(kept).refused, undefined);
});

test("a spec that is too large to be kept is refused, by the name of what makes it so, and can be stopped", () => {
  const env = Array.from({ length: 60 }, (_, nth) => ({ name: `V${nth}`, value: "x".repeat(20_000) }));
  const kept = view(
    liveSink({
      pod: { env },
      replicas: 3,
      paused: true,
      config: { awsKinesisStreamName: "orders", awsRegion: "us-east-1" },
    }),
  );
  assert.ok(size(kept) < 20_000);
  assert.deepEqual([kept.spec.replicas, kept.spec.paused, kept.spec.config.awsRegion], [3, true, "us-east-1"]);
  const { refused } = reviewSpec(kept);
  assert.deepEqual([refused?.reason, refused?.stalls], ["InvalidSpec", true]);
  assert.match(
    refused?.message ?? "",
    /^spec: has 12\d{5} bytes as JSON, of which spec\.pod\.env has 12\d{5}: shorten it to 262144/,
  );
  assert.equal(LARGEST_SPEC, 262_144);
});

test("a worker's entry keeps its pod and state, where it is larger than any that is known", () => {
  const entry = { pod: "w1", state: "Running", reportedAt: "2026-01-01T00:00:00Z", junk: "x".repeat(MEGABYTE) };
  const kept = view({
    ...liveSink(),
    status: { observedGeneration: 1, workers: [entry, { pod: "w2", state: "Ready" }] },
  });
  assert.deepEqual(kept.status?.workers, [
    { pod: "w1", state: "Running", reportedAt: "2026-01-01T00:00:00Z" },
    { pod: "w2", state: "Ready" },
  ]);
});
