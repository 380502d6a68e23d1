/** From when on a topic-partition may be written for, and how it is left to the next owner. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HANDOVER_WAIT_MS } from "../../../../worker/pipeline/ordered/fencing.ts";
import type { LeftTopic, Peers } from "../../../../worker/pipeline/peers.ts";
import { createRig, failure, type RigOptions } from "../rig.ts";

/** Peers that a test holds in its hands. */
function createFakePeers() {
  const left: LeftTopic[] = [];
  const taking = new Map<string, (taken: boolean) => void>();
  const peers: { -readonly [P in keyof Peers]: Peers[P] } = {
    leave: async (topics) => {
      left.push(...topics);
      return true;
    },
    take: (topic, signal) =>
      new Promise((resolve) => {
        taking.set(topic, resolve);
        signal.addEventListener("abort", () => {
          taking.delete(topic);
          resolve(false);
        });
      }),
    extraWaitMs: 0,
  };
  return { peers, left, taking, names: () => left.map(({ topic }) => topic) };
}

function createScene(options: RigOptions = {}) {
  const fake = createFakePeers();
  const rig = createRig({ handoverWaitMs: HANDOVER_WAIT_MS, peers: fake.peers, ...options });
  /** A topic-partition that may be written for. */
  const writable = async (topic = "orders") => {
    const given = rig.assign(topic);
    await rig.clock.advance(HANDOVER_WAIT_MS);
    return given;
  };
  return { ...fake, rig, writable };
}

describe("a new owner", () => {
  test("waits before its first write as long as a lease, bytes on their way and the broker's skew take", async () => {
    const { rig } = createScene();
    const orders = rig.assign("orders");
    await rig.deliver(orders, "a:1");
    await rig.clock.advance(9_999);
    assert.deepEqual(rig.sent(), []);
    await rig.clock.advance(1);
    assert.deepEqual(rig.sent(), [["a:1"]]);
  });

  test("waits longer while the former one may go by older rules, and takes back nothing without a wait", async () => {
    const { rig, peers } = createScene();
    peers.extraWaitMs = 6_000;
    const orders = rig.assign("orders");
    await rig.deliver(orders, "a:1");
    await rig.clock.advance(15_999);
    assert.deepEqual(rig.sent(), []);
    await rig.clock.advance(1);
    assert.deepEqual(rig.sent(), [["a:1"]]);
    await rig.last().accept();
    await rig.revoke(orders);
    await rig.deliver(rig.assign("orders"), "a:2");
    await rig.clock.advance(15_999);
    assert.equal(rig.puts.length, 1);
  });

  test("writes at once when it takes the mark of the former one", async () => {
    const { rig, taking } = createScene();
    const orders = rig.assign("orders");
    await rig.deliver(orders, "a:1");
    taking.get("orders")?.(true);
    await rig.clock.advance(0);
    assert.deepEqual(rig.sent(), [["a:1"]]);
  });

  test("takes no mark once it waited, nor when it stops, nor when it lost the topic-partition again", async () => {
    const { rig, taking } = createScene();
    rig.assign("waited");
    assert.deepEqual([...taking.keys()], ["waited"]);
    await rig.clock.advance(HANDOVER_WAIT_MS);
    assert.deepEqual([...taking.keys()], []);
    await rig.revoke(rig.assign("lost"));
    assert.deepEqual([...taking.keys()], []);
    void rig.pipeline.drain(new AbortController().signal);
    rig.assign("late");
    assert.deepEqual([...taking.keys()], []);
  });
});

describe("a topic-partition that is lost", () => {
  test("has nothing new sent, and what is on its way is waited for", async () => {
    const { rig, writable, names } = createScene();
    const orders = await writable();
    await rig.deliver(orders, "a:1", "a:2");
    await rig.revoke(orders);
    assert.equal(rig.last().signal.aborted, false);
    assert.deepEqual(names(), []);
    await rig.last().accept();
    assert.deepEqual(names(), ["orders"]);
    await rig.clock.advance(60_000);
    assert.equal(rig.puts.length, 1);
    assert.deepEqual(rig.acknowledged, []);
  });

  test("has its requests reset when the lease ends, and is left without a mark then", async () => {
    const { rig, writable, names } = createScene();
    const orders = await writable();
    await rig.deliver(orders, "a:1");
    await rig.clock.advance(1_000);
    await rig.revoke(orders);
    await rig.clock.advance(4_000);
    assert.equal(rig.last().signal.aborted, false);
    await rig.clock.advance(1);
    assert.equal(rig.last().signal.aborted, true);
    assert.deepEqual(names(), []);
  });

  test("has what waits for a socket withdrawn at once, which leaves no doubt behind", async () => {
    const { rig, writable, names } = createScene();
    const orders = await writable();
    rig.socketsAreBusy = true;
    await rig.deliver(orders, "a:1");
    await rig.revoke(orders);
    assert.equal(rig.last().signal.aborted, true);
    assert.deepEqual(names(), ["orders"]);
  });

  test("is left without a mark by who did not wait for the former owner's bytes", async () => {
    const { rig, names } = createScene();
    const orders = rig.assign("orders");
    await rig.clock.advance(HANDOVER_WAIT_MS - 1);
    await rig.revoke(orders);
    assert.deepEqual(names(), []);
  });

  test("is left without a mark while something of it may still be executed", async () => {
    const { rig, writable, names } = createScene();
    const orders = await writable();
    await rig.deliver(orders, "a:1");
    await rig.last().fail(failure("transient", true));
    await rig.clock.advance(4_999);
    await rig.revoke(orders);
    assert.deepEqual(names(), []);
  });

  test("has a mark with the time at which it was certainly its owner's", async () => {
    const { rig, writable, left } = createScene();
    const orders = await writable();
    const asked = rig.clock.wall();
    rig.answeredAt = rig.clock.now();
    await rig.clock.advance(900);
    await rig.revoke(orders);
    assert.deepEqual(left, [{ topic: "orders", ownedAt: asked }]);
  });
});

describe("a topic-partition that comes back", () => {
  /** Lost with one request on its way, and assigned again. */
  async function returned() {
    const scene = createScene();
    const orders = await scene.writable();
    await scene.rig.deliver(orders, "a:1");
    await scene.rig.revoke(orders);
    const again = scene.rig.assign("orders");
    await scene.rig.deliver(again, "a:1", "b:1");
    return scene;
  }

  test("at once waits for the end of this worker's own requests alone", async () => {
    const { rig, names } = await returned();
    await rig.clock.advance(100);
    assert.equal(rig.puts.length, 1);
    await rig.last().accept();
    assert.deepEqual(rig.sent(), [["a:1"], ["a:1", "b:1"]]);
    assert.deepEqual(names(), [], "nobody else is to take it");
  });

  test("at once waits for bytes on their way where a request ended without an answer", async () => {
    const { rig } = await returned();
    await rig.last().fail(failure("transient", true));
    await rig.clock.advance(4_999);
    assert.equal(rig.puts.length, 1);
    await rig.clock.advance(1);
    assert.deepEqual(rig.last().texts, ["a:1", "b:1"]);
  });

  test("with a mark left behind waits until that is taken back, for whoever took it may have written", async () => {
    for (const taken of [true, false]) {
      const { rig, writable, taking, names } = createScene();
      await rig.revoke(await writable());
      assert.deepEqual(names(), ["orders"]);
      const again = rig.assign("orders");
      await rig.deliver(again, "a:1");
      assert.deepEqual(rig.sent(), []);
      if (taken) taking.get("orders")?.(true);
      await rig.clock.advance(taken ? 0 : HANDOVER_WAIT_MS - 1);
      assert.equal(rig.puts.length, taken ? 1 : 0);
      await rig.clock.advance(taken ? 0 : 1);
      assert.equal(rig.puts.length, 1);
    }
  });

  test("with a mark that could not be written waits no longer than that is known", async () => {
    const { rig, writable, peers } = createScene();
    peers.leave = async () => false;
    await rig.revoke(await writable());
    await rig.deliver(rig.assign("orders"), "a:1");
    assert.deepEqual(rig.sent(), [["a:1"]]);
  });

  test("within 4 s of the last answer counts as never away, later another worker may have written", async () => {
    for (const [awayMs, sent] of [
      [4_000, 1],
      [4_001, 0],
    ] as const) {
      const { rig, writable, peers } = createScene();
      peers.leave = async () => false;
      await rig.revoke(await writable());
      await rig.clock.advance(awayMs);
      await rig.deliver(rig.assign("orders"), "a:1");
      assert.equal(rig.puts.length, sent, `after ${awayMs} ms`);
      await rig.clock.advance(HANDOVER_WAIT_MS);
      assert.equal(rig.puts.length, 1);
    }
  });

  test("before the wait for the former owner was over still waits for that", async () => {
    const { rig } = createScene();
    const orders = rig.assign("orders");
    await rig.clock.advance(1_000);
    await rig.revoke(orders);
    await rig.deliver(rig.assign("orders"), "a:1");
    await rig.clock.advance(HANDOVER_WAIT_MS - 1);
    assert.deepEqual(rig.sent(), []);
    await rig.clock.advance(1);
    assert.deepEqual(rig.sent(), [["a:1"]]);
  });
});

test("a worker that ends leaves a mark for each topic-partition of which nothing is on its way", async () => {
  const { rig, writable, names } = createScene();
  const orders = await writable("orders");
  const others = await writable("others");
  rig.assign("new");
  await rig.deliver(orders, "a:1");
  await rig.deliver(others, "b:1");
  const deadline = new AbortController();
  const drained = rig.pipeline.drain(deadline.signal);
  await rig.puts[0]?.accept();
  deadline.abort();
  await drained;
  await rig.pipeline.leave();
  assert.deepEqual(names(), ["orders"]);
  await rig.puts[1]?.accept();
  await rig.revoke(others);
  assert.deepEqual(names(), ["orders"], "nothing is told any more once it has ended");
});
