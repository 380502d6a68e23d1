import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createPeers } from "../../../worker/peers/peers.ts";
import type { Peers } from "../../../worker/pipeline/peers.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { createModelLease } from "../pipeline/simulation/model-lease.ts";
import { createProcess } from "../pipeline/simulation/process.ts";
import { createRandom } from "../pipeline/simulation/random.ts";

const TOPIC = "persistent://public/default/orders-partition-0";

/** Workers of one sink, and the Lease between them. */
function scene() {
  const clock = createVirtualClock();
  const random = createRandom(1);
  const lease = createModelLease(clock, random, () => undefined);
  const former = { extraWaitMs: 0 };
  const peersOn = (client: KubeClient): Peers =>
    createPeers({
      ...{ client, path: "lease", clock, log: silentLog, random: () => 0.5 },
      extraWaitMs: () => former.extraWaitMs,
    });
  const worker = (): Peers => peersOn(lease.clientOf(createProcess(clock, random, 0)));
  const left = (topic = TOPIC, ageMs = 0) => ({ topic, ownedAt: clock.wall() - ageMs });
  /** Whether the mark was taken, once that is known. */
  const taken = async (worker: Peers, topic = TOPIC, withinMs = 10_000): Promise<boolean> => {
    const controller = new AbortController();
    const result = worker.take(topic, controller.signal);
    await clock.advance(withinMs);
    controller.abort();
    return await result;
  };
  const leave = async (worker: Peers, ...topics: ReturnType<typeof left>[]): Promise<boolean> => {
    const written = worker.leave(topics);
    await clock.advance(200);
    return await written;
  };
  return { clock, lease, former, peersOn, worker, left, leave, taken };
}

/** What an object's annotations may take together (ValidateAnnotationsSize). */
const MOST_ANNOTATION_BYTES = 256 * 1024;

describe("a mark", () => {
  test("is taken once, by one of those that want it", async () => {
    const { worker, left, leave, taken, lease } = scene();
    assert.equal(await leave(worker(), left()), true);
    const results = await Promise.all([taken(worker()), taken(worker()), taken(worker())]);
    assert.equal(results.filter(Boolean).length, 1);
    assert.deepEqual(lease.annotations, {});
    assert.equal(await taken(worker()), false);
  });

  test("is of one topic-partition", async () => {
    const { worker, left, leave, taken } = scene();
    await leave(worker(), left("one"), left("two"));
    const [one, two, three] = await Promise.all(["one", "two", "three"].map((topic) => taken(worker(), topic)));
    assert.deepEqual([one, two, three], [true, true, false]);
  });

  test("holds for 3.5 s from when the topic-partition was certainly its owner's, and not from a time to come", async () => {
    for (const [ageMs, expected] of [
      [3_000, true],
      [3_500, false],
      [-400, true],
      [-1_000, false],
    ] as const) {
      const { worker, left, leave, taken } = scene();
      await leave(worker(), left(TOPIC, ageMs));
      assert.equal(await taken(worker(), TOPIC, 200), expected, `${ageMs} ms old`);
    }
  });

  test("is found within half a second when it is written after the hand-over", async () => {
    const { clock, worker, left, taken } = scene();
    const result = taken(worker(), TOPIC, 1_000);
    await clock.advance(300);
    const controller = new AbortController();
    const other = worker();
    let takenAt = 0;
    void other.take("other", controller.signal).then(() => {
      takenAt = clock.now();
    });
    const written = clock.now();
    void worker().leave([left(), left("other")]);
    await clock.advance(700);
    assert.equal(await result, true);
    assert.ok(takenAt - written < 500);
  });

  test("is not taken while a worker of a former release runs, which writes by its own rule", async () => {
    const { worker, left, leave, taken, former } = scene();
    await leave(worker(), left());
    former.extraWaitMs = 6_000;
    assert.equal(await taken(worker()), false);
  });

  test("of a thousand topic-partitions fits into the object, which keeps none that holds no more", async () => {
    const { clock, worker, left, leave, lease } = scene();
    const name = "x".repeat(200);
    const topics = (letter: string) => Array.from({ length: 1_000 }, (_, index) => left(`${name}-${letter}-${index}`));
    for (const letter of ["a", "b"]) {
      assert.equal(await leave(worker(), ...topics(letter)), true);
      assert.equal(Object.keys(lease.annotations).length, 1_000);
      const size = Object.entries(lease.annotations).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
      assert.ok(2 * size < MOST_ANNOTATION_BYTES);
      await clock.advance(4_000);
    }
  });
});

describe("an API server that", () => {
  test("is not reached costs no more than the mark: the end of a worker waits 1.5 s", async () => {
    const { clock, lease, worker, left, taken } = scene();
    lease.fails = 1;
    const started = clock.now();
    let endedAt = 0;
    void worker()
      .leave([left()])
      .then(() => {
        endedAt = clock.now();
      });
    await clock.advance(5_000);
    assert.ok(endedAt > started && endedAt - started <= 1_600, `${endedAt - started} ms`);
    assert.equal(await taken(worker()), false);
  });

  test("does not answer at all holds up nothing for longer", async () => {
    const { clock, peersOn, left, taken } = scene();
    const silent = peersOn({
      request: (request) =>
        new Promise((_, reject) => request.signal?.addEventListener("abort", () => reject(request.signal?.reason))),
      open: () => Promise.reject(new Error("not needed")),
      close: () => undefined,
    });
    const written = silent.leave([left()]);
    await clock.advance(1_600);
    assert.equal(await written, false, "it was not even read: nothing was written");
    assert.equal(await taken(silent), false);
  });

  test("grants nothing is asked once: an operator of a former release made the Role", async () => {
    const { clock, peersOn, left } = scene();
    let requests = 0;
    const peers = peersOn({
      request: () => {
        requests += 1;
        return Promise.reject(new ApiError("GET lease", 403, { reason: "Forbidden" }));
      },
      open: () => Promise.reject(new Error("not needed")),
      close: () => undefined,
    });
    const written = peers.leave([left()]);
    await clock.advance(100);
    assert.equal(await written, false);
    assert.equal(requests, 1);
  });

  test("has a conflict is asked again", async () => {
    const { clock, lease, peersOn, left } = scene();
    const client = lease.clientOf(createProcess(clock, createRandom(2), 0));
    let conflicts = 2;
    const peers = peersOn({
      ...client,
      request: (request) => {
        if (request.method !== "PATCH" || conflicts-- <= 0) return client.request(request);
        return Promise.reject(new ApiError("PATCH lease", 409, { reason: "Conflict" }));
      },
    });
    const written = peers.leave([left()]);
    await clock.advance(1_500);
    assert.equal(await written, true);
    assert.equal(Object.keys(lease.annotations).length, 1);
  });
});
