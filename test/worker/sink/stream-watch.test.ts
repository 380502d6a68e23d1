import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Sink, SinkError, type StreamDescription } from "../../../worker/sink/sink.ts";
import { createStreamWatch } from "../../../worker/sink/stream-watch.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { USABLE_STREAM as USABLE } from "../usable-stream.ts";

const missing = new SinkError({ code: "StreamNotFound", class: "notReady", message: "create it", ambiguous: false });

function watched(refuseAuto = false) {
  const clock = createVirtualClock();
  const stream = { now: USABLE as StreamDescription | Error, looks: 0 };
  const sink = {
    describe: async () => {
      stream.looks += 1;
      if (stream.now instanceof Error) throw stream.now;
      return stream.now;
    },
  } as unknown as Sink;
  const watch = createStreamWatch({ sink, refuseAuto, clock, log: silentLog });
  const stop = new AbortController();
  return { clock, stream, watch, stop };
}

describe("a stream", () => {
  for (const [what, found, code] of [
    ["is missing", missing, "StreamNotFound"],
    ["is being created", { ...USABLE, status: "CREATING" }, "StreamNotActive"],
    ["is being deleted", { ...USABLE, status: "DELETING" }, "StreamNotActive"],
  ] as const) {
    test(`that ${what} is waited for, and the failure tells why`, async () => {
      const { clock, stream, watch, stop } = watched();
      stream.now = found;
      let usable: StreamDescription | null = null;
      void watch.untilUsable(stop.signal).then((description) => {
        usable = description;
      });
      await clock.advance(120_000);
      assert.equal(watch.failure?.code, code);
      assert.ok(stream.looks > 3 && stream.looks < 60, `${stream.looks} looks in two minutes`);
      assert.equal(usable, null);
      stream.now = USABLE;
      await clock.advance(30_000);
      assert.equal(usable, USABLE);
      assert.equal(watch.failure, null);
    });
  }

  test("whose shards are split or merged right now is usable", async () => {
    const { stream, watch, stop } = watched();
    stream.now = { ...USABLE, status: "UPDATING" };
    assert.equal((await watch.untilUsable(stop.signal)).status, "UPDATING");
  });

  test("that ignores hash keys is refused where order matters, and only there", async () => {
    const auto = { ...USABLE, recordDistribution: "AUTO" } as const;
    const unordered = watched(false);
    unordered.stream.now = auto;
    await unordered.watch.untilUsable(unordered.stop.signal);
    const ordered = watched(true);
    ordered.stream.now = auto;
    const usable = ordered.watch.untilUsable(ordered.stop.signal);
    await ordered.clock.advance(1_000);
    assert.equal(ordered.watch.failure?.code, "RecordDistributionAuto");
    ordered.stream.now = USABLE;
    await ordered.clock.advance(30_000);
    await usable;
  });

  test("is looked at every five minutes, so that an idle worker notices what changed, and that it was mended", async () => {
    const { clock, stream, watch, stop } = watched();
    const failure = () => watch.failure;
    await watch.untilUsable(stop.signal);
    const looking = assert.rejects(() => watch.keepLooking(stop.signal), { name: "AbortError" });
    stream.now = missing;
    await clock.advance(299_000);
    assert.equal(failure(), null);
    await clock.advance(1_000);
    assert.equal(failure()?.code, "StreamNotFound");
    stream.now = { ...USABLE, openShards: 9 };
    await clock.advance(30_000);
    assert.equal(failure(), null);
    assert.equal(watch.description?.openShards, 9);
    stop.abort();
    await looking;
  });
});

describe("a look that somebody else asks for", () => {
  test("that shows a stream to be unusable begins the looking until it is mended", async () => {
    const { clock, stream, watch, stop } = watched();
    await watch.untilUsable(stop.signal);
    const looking = assert.rejects(() => watch.keepLooking(stop.signal), { name: "AbortError" });
    await clock.advance(10_000);
    stream.now = { ...USABLE, status: "DELETING" };
    await watch.look(stop.signal);
    assert.equal(watch.failure?.code, "StreamNotActive");
    stream.now = USABLE;
    await clock.advance(30_000);
    assert.equal(watch.failure, null);
    stop.abort();
    await looking;
  });

  test("that fails tells nothing of the stream", async () => {
    const { stream, watch, stop } = watched();
    await watch.untilUsable(stop.signal);
    stream.now = missing;
    await watch.look(stop.signal);
    assert.deepEqual([watch.failure, watch.description], [null, USABLE]);
  });

  test("tells those who want to know when the stream begins and ends to ignore hash keys", async () => {
    const { stream, watch, stop } = watched();
    const told: boolean[] = [];
    const end = watch.onAutoChange(() => void told.push(watch.auto));
    for (const recordDistribution of ["PARTITION_KEY", "AUTO", "AUTO", "PARTITION_KEY"] as const) {
      stream.now = { ...USABLE, recordDistribution };
      await watch.look(stop.signal);
    }
    assert.deepEqual(told, [true, false]);
    end();
    stream.now = { ...USABLE, recordDistribution: "AUTO" };
    await watch.look(stop.signal);
    assert.equal(told.length, 2);
  });

  test("whose answer is older than one that came before it changes nothing", async () => {
    const answers: PromiseWithResolvers<StreamDescription>[] = [];
    const sink = {
      describe: () => {
        const answer = Promise.withResolvers<StreamDescription>();
        answers.push(answer);
        return answer.promise;
      },
    } as unknown as Sink;
    const watch = createStreamWatch({ sink, refuseAuto: false, clock: createVirtualClock(), log: silentLog });
    const { signal } = new AbortController();
    const looks = [watch.look(signal), watch.look(signal)];
    answers[1]?.resolve({ ...USABLE, openShards: 9 });
    await looks[1];
    answers[0]?.resolve(USABLE);
    await looks[0];
    assert.equal(watch.description?.openShards, 9);
  });
});
