import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide } from "../../../operator/scaling/decide.ts";
import type { Evidence } from "../../../operator/scaling/evidence.ts";
import type { ScalingState } from "../../../operator/scaling/state.ts";
import { MINUTE, POLICY, SECOND, seen, stateOf } from "./fixture.ts";

const NOW = seen(1).now;

/** A change upwards that has been due for so long, with the lag as it was then. */
function due(ms: number, lagSeconds = 130): Partial<ScalingState> {
  return { pending: { direction: "Up", since: NOW - ms, lagSeconds, backlog: undefined } };
}

describe("workers are added", () => {
  const late = { lagSeconds: 150 };

  test("once a target was exceeded for the whole stabilization, and the decision names its numbers", () => {
    const first = decide(stateOf(4), seen(4, late), POLICY);
    assert.equal(first.reason, "ScaleUpPending");
    assert.equal(first.state.replicas, 4);
    assert.equal(first.againAt, NOW + MINUTE);
    const before = decide(first.state, seen(4, { ...late, now: NOW + 59 * SECOND }), POLICY);
    assert.equal(before.state.replicas, 4);
    const then = decide(first.state, seen(4, { ...late, now: NOW + MINUTE }), POLICY);
    assert.equal(then.state.replicas, 8);
    assert.equal(then.reason, "ScaledUp");
    assert.equal(
      then.change,
      "4 → 8 workers: lag 150 s of targetLagSeconds 60; 400 messages/s, lag 150 s, memory for messages 5 %, 100 messages/s for each worker at most",
    );
  });

  test("in proportion to what is exceeded, and at most twice as many at once", () => {
    for (const [lagSeconds, replicas] of [
      [70, 12],
      [90, 15],
      [4000, 20],
    ] as const) {
      assert.equal(
        decide(stateOf(10, due(MINUTE, lagSeconds)), seen(10, { lagSeconds }), POLICY).state.replicas,
        replicas,
      );
    }
  });

  test("not for what is exceeded by a tenth", () => {
    assert.equal(decide(stateOf(4, due(MINUTE)), seen(4, { lagSeconds: 66 }), POLICY).state.pending, undefined);
  });

  test("not before each worker has reported twice, however short the stabilization", () => {
    const state = stateOf(90, due(2 * MINUTE));
    const many = seen(90, { ...late, beatMs: 200 * SECOND });
    assert.equal(decide(state, many, { ...POLICY, most: 100, upMs: 0 }).reason, "ScaleUpPending");
  });

  test("not while those of the last change are starting; but one that never becomes ready holds up nothing for ever", () => {
    const waiting = (agoMs: number) => stateOf(4, { ...due(10 * MINUTE), scaledAt: NOW - agoMs });
    assert.equal(decide(waiting(MINUTE), seen(3, late), POLICY).reason, "WorkersStarting");
    assert.equal(decide(waiting(6 * MINUTE), seen(3, late), POLICY).reason, "ScaledUp");
  });

  test("not while what waits gets less fast enough", () => {
    const falling = decide(stateOf(4, due(MINUTE, 190)), seen(4, late), POLICY);
    assert.equal(falling.reason, "CatchingUp");
    assert.deepEqual(falling.state.pending, { direction: "Up", since: NOW, lagSeconds: 150, backlog: undefined });
    assert.equal(decide(stateOf(4, due(MINUTE, 155)), seen(4, late), POLICY).reason, "ScaledUp");
  });

  test("not while a shard is the limit, which is said", () => {
    const obstacle = { reason: "ShardsLimit", message: "shardId-000000000003 of the stream takes no more" } as const;
    const held = decide(stateOf(4, due(MINUTE)), seen(4, { ...late, obstacle }), POLICY);
    assert.equal(held.state.replicas, 4);
    assert.equal(held.reason, "ShardsLimit");
    assert.equal(held.message, obstacle.message);
  });

  test("not beyond the most, which is said", () => {
    assert.equal(decide(stateOf(20, due(MINUTE)), seen(20, late), POLICY).reason, "AtMaximum");
    assert.equal(decide(stateOf(15, due(MINUTE)), seen(15, late), POLICY).state.replicas, 20);
  });

  test("by the backlog too, of two targets by the one that asks for more", () => {
    const policy = { ...POLICY, targetBacklog: 100 };
    const state = stateOf(4, { pending: { direction: "Up", since: NOW - MINUTE, lagSeconds: 70, backlog: 600 } });
    const { change, state: after } = decide(state, seen(4, { lagSeconds: 70, backlog: 640 }), policy);
    assert.equal(after.replicas, 7);
    assert.match(change ?? "", /lag 70 s of targetLagSeconds 60, backlog 640 of targetBacklogMessages 100 × 4/);
  });
});

describe("workers are taken away", () => {
  const known = { capacity: { perReplica: 100, at: NOW - MINUTE } };
  const idle = { rate: 150 };
  const late: Partial<Evidence> = { now: NOW + 5 * MINUTE };

  test("once fewer would have done for the whole stabilization, down to the most that would have", () => {
    const first = decide(stateOf(4, known), seen(4, { rate: 230 }), POLICY);
    assert.equal(first.reason, "ScaleDownPending");
    assert.deepEqual(first.state.pending, { direction: "Down", since: NOW, replicas: 3 });
    const then = decide(first.state, seen(4, { ...idle, ...late }), POLICY);
    assert.equal(then.state.replicas, 3);
    assert.equal(then.reason, "ScaledDown");
  });

  test("with a load that lets the rest have a fifth to spare", () => {
    assert.equal(decide(stateOf(4, known), seen(4, { rate: 250 }), POLICY).reason, "Steady");
  });

  test("at most half of them at once, and a quarter while nobody knows what one can do", () => {
    const pending = { direction: "Down", since: NOW - 5 * MINUTE, replicas: 0 } as const;
    assert.equal(decide(stateOf(16, { ...known, pending }), seen(16, { rate: 0 }), POLICY).state.replicas, 8);
    assert.equal(decide(stateOf(16, { pending }), seen(16, { rate: 0 }), POLICY).state.replicas, 12);
    assert.equal(decide(stateOf(2, { pending }), seen(2, { rate: 0 }), POLICY).state.replicas, 1);
  });

  test("not while one does not report or is not ready: it may be the one that everything waits for", () => {
    const pending = { direction: "Down", since: NOW - 50 * MINUTE, replicas: 1 } as const;
    for (const less of [{ reports: 3 }, { ready: 3 }, { reports: 0, ready: 0 }]) {
      const decision = decide(stateOf(4, { ...known, pending }), seen(4, { ...idle, ...less }), POLICY);
      assert.equal(decision.reason, "ReportsMissing");
      assert.equal(decision.state.pending, undefined, "the stabilization begins anew");
    }
  });

  test("not while they hold much, nor while a target is half used up, nor below the least", () => {
    assert.equal(decide(stateOf(4, known), seen(4, { ...idle, budgetPercent: 60 }), POLICY).reason, "Steady");
    assert.equal(decide(stateOf(4, known), seen(4, { ...idle, lagSeconds: 31 }), POLICY).reason, "Steady");
    assert.equal(decide(stateOf(4, known), seen(4, idle), { ...POLICY, least: 4 }).reason, "AtMinimum");
  });

  test("not while nothing flows", () => {
    const obstacle = { reason: "NothingFlows", message: "" } as const;
    assert.equal(decide(stateOf(4, known), seen(4, { rate: 0, obstacle }), POLICY).reason, "NothingFlows");
  });

  test("not so many that the backlog would be over half of its target", () => {
    const policy = { ...POLICY, targetBacklog: 100 };
    const { state } = decide(stateOf(8, known), seen(8, { rate: 10, backlog: 290 }), policy);
    assert.deepEqual(state.pending, { direction: "Down", since: NOW, replicas: 6 });
  });
});

describe("what a worker can do", () => {
  const busy = { lagSeconds: 90, rate: 300 };

  test("is what they deliver while more waits, those that stand by left out", () => {
    const { state } = decide(stateOf(4, { scaledAt: 0 }), seen(4, { ...busy, active: 3 }), POLICY);
    assert.deepEqual(state.capacity, { perReplica: 100, at: NOW });
  });

  test("is not measured just after a change, nor while a shard is the limit or a worker is missing", () => {
    const obstacle = { reason: "ShardsLimit", message: "" } as const;
    for (const [scaledAt, more] of [
      [NOW - MINUTE, {}],
      [0, { obstacle }],
      [0, { reports: 3 }],
    ] as const) {
      assert.equal(decide(stateOf(4, { scaledAt }), seen(4, { ...busy, ...more }), POLICY).state.capacity, undefined);
    }
  });

  test("is more where they deliver more, and is forgotten after a day", () => {
    const capacity = { perReplica: 100, at: NOW - MINUTE };
    assert.equal(decide(stateOf(4, { capacity }), seen(4, { rate: 800 }), POLICY).state.capacity?.perReplica, 200);
    const old = { perReplica: 100, at: NOW - 25 * 60 * MINUTE };
    assert.equal(decide(stateOf(4, { capacity: old }), seen(4, { rate: 0 }), POLICY).state.capacity, undefined);
  });
});

test("nothing is decided without a report that tells what the targets are about", () => {
  const pending = { direction: "Down", since: 0, replicas: 1 } as const;
  const decision = decide(stateOf(4, { pending }), seen(0, { lagSeconds: undefined, rate: 0 }), POLICY);
  assert.equal(decision.reason, "NoReport");
  assert.equal(decision.state.replicas, 4);
});

test("messages that cannot be delivered are named where they make the targets say nothing", () => {
  const { reason } = decide(stateOf(4), seen(4, { lagSeconds: undefined, poison: true }), POLICY);
  assert.equal(reason, "PoisonHeld");
});

test("a worker that falls silent shows before others are taken away, however short the stabilization", () => {
  const { againAt } = decide(stateOf(4), seen(4, { rate: 0 }), { ...POLICY, downMs: 0 });
  assert.equal(againAt, NOW + 4 * 10 * SECOND);
});

test("bounds that have changed hold at once", () => {
  assert.equal(decide(stateOf(4), seen(4), { ...POLICY, least: 6 }).state.replicas, 6);
  const fewer = decide(stateOf(8), seen(8), { ...POLICY, most: 5 });
  assert.equal(fewer.reason, "ScaledToBounds");
  assert.match(fewer.change ?? "", /^8 → 5 workers: minReplicas is 1, maxReplicas 5/);
});

test("a clock that was set back neither decides at once nor waits for longer than the stabilization", () => {
  const state = stateOf(4, {
    pending: { direction: "Up", since: NOW + 60 * MINUTE, lagSeconds: 150, backlog: undefined },
  });
  const { againAt } = decide(state, seen(4, { lagSeconds: 150 }), POLICY);
  assert.equal(againAt, NOW + MINUTE);
});
