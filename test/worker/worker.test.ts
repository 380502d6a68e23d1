import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { parseManifest } from "../../crds/validation/manifest.ts";
import type { Pipeline } from "../../worker/pipeline/pipeline.ts";
import { workerHealth } from "../../worker/report/health.ts";
import { type Sink, SinkError, type StreamDescription } from "../../worker/sink/sink.ts";
import { createStreamWatch } from "../../worker/sink/stream-watch.ts";
import { type Source, SourceError } from "../../worker/source/source.ts";
import { createWorker, type WorkerParts } from "../../worker/worker.ts";
import { createVirtualClock } from "../clock.ts";
import { goodManifest } from "../crds/good-manifest.ts";
import { silentLog } from "../silent-log.ts";
import { createRig } from "./pipeline/rig.ts";
import { USABLE_STREAM as STREAM } from "./usable-stream.ts";

const missing = new SinkError({ code: "StreamNotFound", class: "notReady", message: "create it", ambiguous: false });

function manifest(): KinesisSink {
  const parsed = parseManifest(JSON.stringify(goodManifest));
  assert.ok(parsed.ok);
  return parsed.value;
}

/** A worker whose parts write down what is asked of them. */
function workerWith(
  connected: () => Promise<void> = async () => {},
  probeSource: WorkerParts["probeSource"] = async () => null,
) {
  const clock = createVirtualClock();
  const calls: string[] = [];
  const stream = { now: STREAM as StreamDescription | Error };
  const idle = createRig();
  const note = (call: string) => () => void calls.push(call);
  const sink = {
    describe: async () => {
      if (stream.now instanceof Error) throw stream.now;
      return stream.now;
    },
    close: note("sink closed"),
  } as unknown as Sink;
  const source = {
    client: "Wire",
    state: () => ({ connected: true, failure: null, partitions: 1, activePartitions: 1, activeTopics: [] }),
    close: async () => void calls.push("source closed"),
  } as unknown as Source;
  const pipeline = {
    start: note("pipeline started"),
    state: () => idle.pipeline.state(),
    drain: async () => void calls.push("pipeline drained"),
    leave: async () => void calls.push("topic-partitions left"),
    close: note("pipeline closed"),
  } as unknown as Pipeline;
  const connect = async () => {
    calls.push("connecting");
    await connected();
    return { source, pipeline };
  };
  const worker = createWorker({
    manifest: manifest(),
    parts: {
      sink,
      streamWatch: createStreamWatch({ sink, refuseAuto: true, clock, log: silentLog }),
      adminGet: null,
      connect,
      probeSource,
    },
    pod: "orders-1",
    configHash: null,
    clock,
    log: silentLog,
  });
  return { worker, clock, calls, stream };
}
const never = new AbortController().signal;

describe("a worker", () => {
  test("describes the stream, connects, and lets messages flow; drains, and closes what it opened", async () => {
    const { worker, clock, calls } = workerWith();
    assert.equal(workerHealth(worker.facts()).ready, false);
    worker.start();
    await clock.advance(0);
    assert.deepEqual(calls, ["connecting", "pipeline started"]);
    assert.equal(workerHealth(worker.facts()).ready, true);
    const drained = worker.drain(never);
    assert.deepEqual([workerHealth(worker.facts()).ready, workerHealth(worker.facts()).state], [false, "Draining"]);
    await drained;
    await worker.close();
    assert.deepEqual(calls.slice(2), [
      "pipeline drained",
      "topic-partitions left",
      "pipeline closed",
      "source closed",
      "sink closed",
    ]);
  });

  test("connects to nothing before the stream is usable, says why, and goes on by itself", async () => {
    const { worker, clock, calls, stream } = workerWith();
    stream.now = missing;
    worker.start();
    await clock.advance(60_000);
    assert.deepEqual(calls, []);
    const { state, cause } = workerHealth(worker.facts());
    assert.deepEqual([state, cause?.reason], ["Stalled", "StreamNotFound"]);
    stream.now = STREAM;
    await clock.advance(30_000);
    assert.deepEqual(calls, ["connecting", "pipeline started"]);
    await worker.close();
  });

  test("tells of Pulsar, too, while the stream keeps it from subscribing, and forgets it when the stream is there", async () => {
    let failure: SourceError | null = new SourceError("AuthenticationFailed", "check spec.pulsar.auth");
    const { worker, clock, calls, stream } = workerWith(undefined, async () => failure);
    stream.now = missing;
    worker.start();
    await clock.advance(5_000);
    const told = workerHealth(worker.facts());
    assert.equal(told.cause?.reason, "StreamNotFound");
    assert.deepEqual(told.source, {
      connected: false,
      cause: { reason: "AuthenticationFailed", message: "check spec.pulsar.auth" },
    });
    assert.deepEqual(calls, [], "nothing is subscribed to");
    failure = null;
    await clock.advance(40_000);
    assert.equal(workerHealth(worker.facts()).source.cause, null);
    stream.now = STREAM;
    await clock.advance(30_000);
    assert.equal(workerHealth(worker.facts()).ready, true);
    await worker.close();
  });

  test("that is told to stop before it began, or while it connects, starts nothing any more", async () => {
    const waiting = workerWith();
    waiting.stream.now = missing;
    waiting.worker.start();
    await waiting.worker.drain(never);
    await waiting.worker.close();
    waiting.stream.now = STREAM;
    await waiting.clock.advance(60_000);
    assert.deepEqual(waiting.calls, ["sink closed"]);

    const { promise, resolve } = Promise.withResolvers<void>();
    const connecting = workerWith(() => promise);
    connecting.worker.start();
    await connecting.clock.advance(0);
    await connecting.worker.drain(never);
    const closed = connecting.worker.close();
    resolve();
    await closed;
    assert.deepEqual(connecting.calls, ["connecting", "sink closed"]);
  });

  test("that cannot connect says so and stays, for restarts would not help", async () => {
    const { worker, clock } = workerWith(() => {
      throw new SourceError("ClientMissing", "install it");
    });
    worker.start();
    await clock.advance(0);
    const { state, cause, ready } = workerHealth(worker.facts());
    assert.deepEqual([state, cause, ready], ["Stalled", { reason: "ClientMissing", message: "install it" }, false]);
    await worker.close();
  });
});
