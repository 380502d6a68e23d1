import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createFleet, type Fleet } from "../../../operator/rollout/fleet.ts";
import { judge, type LiveTemplate } from "../../../operator/rollout/judge.ts";
import type { RolloutPolicy } from "../../../operator/rollout/policy.ts";
import { limitOf } from "../../../operator/rollout/turns.ts";

/** A sink and its Deployment, as the API server has them. */
interface Sink {
  readonly canary: boolean;
  generation: number;
  /** What its spec says of the pods. */
  spec: string;
  /** Its workers are ready. */
  ready: boolean;
  /** Workers of this version of the operator do not become ready. */
  breaksWith: number | undefined;
  live: LiveTemplate;
}

type Step =
  | { readonly what: "work" | "reconcile" | "fail" | "see" | "progress" | "scale" | "change"; readonly at: number }
  | { readonly what: "restart" | "upgrade" };

interface Fate {
  readonly canary: boolean;
  readonly ready: boolean;
  readonly breaks: boolean;
}

/** Operators of one version after the other over a fleet, one process at a time. What a process knows is lost with it. */
class World {
  readonly sinks: Sink[];
  readonly policy: RolloutPolicy;
  version = 1;
  #fleet: Fleet;
  /** Sinks and Deployments as the watches have shown them. */
  #seen: Sink[] = [];
  /** What this process has written and not seen yet. */
  #written: (LiveTemplate | undefined)[] = [];
  readonly #queue = new Set<number>();
  /** Those whose objects could not be written when they were last looked at. */
  readonly #blocked = new Set<number>();

  constructor(fates: readonly Fate[], policy: RolloutPolicy) {
    this.policy = policy;
    this.sinks = fates.map(({ canary, ready, breaks }) => ({
      canary,
      generation: 1,
      spec: "a",
      ready,
      breaksWith: breaks ? 2 : undefined,
      live: {
        hash: "a-1",
        replicas: 1,
        madeFrom: { generation: 1, hash: "a" },
        turn: undefined,
        progress: ready ? "done" : "stuck",
      },
    }));
    this.#fleet = this.#start();
  }

  #start(): Fleet {
    const fleet = createFleet({
      policy: this.policy,
      call: (key) => this.#queue.add(Number(key)),
      complete: () => true,
    });
    this.#seen = structuredClone(this.sinks);
    this.#written = this.sinks.map(() => undefined);
    for (const at of this.sinks.keys()) {
      fleet.expect(String(at));
      this.#queue.add(at);
    }
    return fleet;
  }

  step(step: Step): void {
    if (!("at" in step)) {
      if (step.what === "upgrade") this.version += 1;
      this.#fleet = this.#start();
    } else {
      const at = step.at % this.sinks.length;
      // Everything that is to be looked at, in some order.
      if (step.what === "work") {
        const order = [...this.#queue].sort((a, b) => ((a + at) % this.sinks.length) - ((b + at) % this.sinks.length));
        for (const one of order) this.#reconcile(one, true);
      }
      if (step.what === "reconcile") this.#reconcile(at, true);
      if (step.what === "fail") this.#reconcile(at, false);
      if (step.what === "see") this.#see(at);
      if (step.what === "progress") this.#progress(at);
      if (step.what === "scale") this.sinks[at] = { ...this.#sink(at), generation: this.#sink(at).generation + 1 };
      if (step.what === "change") this.#change(at);
    }
    this.check();
  }

  /** Goes on until nothing happens any more; says whether it came to an end. */
  settle(): void {
    for (let round = 0; round < 20 * this.sinks.length; round += 1) {
      for (const at of this.sinks.keys()) {
        this.#progress(at);
        this.#see(at);
        if (this.#queue.has(at)) this.#reconcile(at, true);
        this.check();
      }
    }
    assert.equal(this.#queue.size, 0, "nobody asks to be looked at any more");
  }

  check(): void {
    const rolling = this.sinks.filter(({ live }) => live.turn && live.progress === "moving");
    const limit = limitOf(this.policy, this.sinks.length);
    assert.ok(rolling.length <= limit, `${rolling.length} roll by themselves, ${limit} may`);
  }

  #sink(at: number): Sink {
    return this.sinks[at] ?? assert.fail();
  }

  #see(at: number): void {
    const [before, now] = [this.#seen[at], this.#sink(at)];
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    this.#seen[at] = structuredClone(now);
    this.#written[at] = undefined;
    this.#queue.add(at);
  }

  #reconcile(at: number, works: boolean): void {
    this.#queue.delete(at);
    this.#blocked.delete(at);
    const seen = this.#seen[at] ?? assert.fail();
    const hash = `${seen.spec}-${this.version}`;
    const madeFrom = { generation: seen.generation, hash: seen.spec };
    const live = this.#written[at] ?? seen.live;
    const { ready, canary } = seen;
    const candidate = { hash, madeFrom, replicas: 1, live, observedGeneration: seen.generation, ready, canary };
    const { place, free } = judge({ ...candidate, forced: false });
    const { begins } = this.#fleet.enter(String(at), place);
    if (!free && !begins) return;
    if (!works) {
      // The queue tries again.
      if (begins) {
        this.#fleet.giveBack(String(at));
        this.#blocked.add(at);
      }
      this.#queue.add(at);
      return;
    }
    if (live.hash === hash) return;
    if (begins) this.#mayBegin(at);
    const turn = begins && place.state === "pending" ? place.turn : undefined;
    this.#write(at, { hash, replicas: 1, madeFrom, turn, progress: "moving" });
  }

  #write(at: number, live: LiveTemplate): void {
    this.#sink(at).live = live;
    this.#written[at] = live;
  }

  #mayBegin(at: number): void {
    assert.ok(!this.policy.paused, "none begins while the rollout is paused");
    const failed = this.sinks.filter(({ live }) => live.turn && live.turn !== "last" && live.progress === "stuck");
    const ofThis = failed.filter(({ live }) => live.hash?.endsWith(`-${this.version}`));
    const unseen = this.sinks.filter((_, index) => this.#written[index]);
    assert.ok(
      ofThis.length < this.policy.maxFailures || unseen.length > 0 || this.#lags(),
      "none begins after too many",
    );
    const me = this.#sink(at);
    if (me.canary && me.ready) return;
    const waiting = this.sinks.filter(
      ({ canary, ready, spec, live }, index) =>
        canary &&
        ready &&
        live.madeFrom?.hash === spec &&
        live.hash !== `${spec}-${this.version}` &&
        !this.#blocked.has(index),
    );
    assert.ok(waiting.length === 0 || this.#lags(), "canaries begin before the others");
  }

  /** The watches have not brought everything. */
  #lags(): boolean {
    return JSON.stringify(this.#seen) !== JSON.stringify(this.sinks);
  }

  #progress(at: number): void {
    const sink = this.#sink(at);
    if (sink.live.progress !== "moving") return;
    const broken = sink.breaksWith !== undefined && sink.live.hash?.endsWith(`-${sink.breaksWith}`);
    sink.live = { ...sink.live, progress: broken ? "stuck" : "done" };
    sink.ready = !broken;
  }

  #change(at: number): void {
    const sink = this.#sink(at);
    sink.generation += 1;
    sink.spec = `${sink.spec}a`;
  }
}

const fate = (breaks: fc.Arbitrary<boolean>): fc.Arbitrary<Fate> =>
  fc.record({ canary: fc.boolean(), ready: fc.oneof(fc.constant(true), fc.boolean()), breaks });

const policy = (more: Partial<RolloutPolicy> = {}): fc.Arbitrary<RolloutPolicy> =>
  fc.record({
    maxConcurrent: fc.oneof(
      fc.record({ sinks: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
    ),
    paused: fc.constant(more.paused ?? false),
    canaries: fc.constant(undefined),
    maxFailures: more.maxFailures === undefined ? fc.integer({ min: 1, max: 3 }) : fc.constant(more.maxFailures),
  });

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ what: fc.constant("reconcile" as const), at: fc.nat(20) }) },
    { weight: 4, arbitrary: fc.record({ what: fc.constant("see" as const), at: fc.nat(20) }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant("progress" as const), at: fc.nat(20) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constantFrom("fail" as const, "scale" as const, "change" as const),
        at: fc.nat(20),
      }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constantFrom("restart" as const, "upgrade" as const) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant("work" as const), at: fc.nat(20) }) },
  ),
  { maxLength: 150, size: "max" },
);

const RUNS = { numRuns: 300 };

test("never more sinks roll by themselves than may, and all have rolled in the end, whatever happens between", () => {
  fc.assert(
    fc.property(
      fc.array(fate(fc.constant(false)), { minLength: 1, maxLength: 12 }),
      policy(),
      steps,
      (fates, rules, all) => {
        const world = new World(fates, rules);
        world.step({ what: "upgrade" });
        for (const step of all) world.step(step);
        world.settle();
        for (const { live, spec } of world.sinks) assert.equal(live.hash, `${spec}-${world.version}`);
      },
    ),
    RUNS,
  );
});

test("sinks that break stop the others, as many as may, until a version comes that does not break them", () => {
  fc.assert(
    fc.property(fc.array(fate(fc.boolean()), { minLength: 1, maxLength: 12 }), policy(), (fates, rules) => {
      const world = new World(fates, rules);
      world.step({ what: "upgrade" });
      world.settle();
      const rolled = world.sinks.filter(({ live }) => live.hash === "a-2");
      const failed = rolled.filter(({ live }) => live.progress === "stuck" && live.turn !== "last");
      const most = rules.maxFailures - 1 + limitOf(rules, fates.length);
      assert.ok(failed.length <= most, `${failed.length} broke, ${most} may`);
      if (failed.length < rules.maxFailures) assert.equal(rolled.length, fates.length);
      world.step({ what: "upgrade" });
      world.settle();
      for (const { live } of world.sinks) assert.equal(live.hash, "a-3");
    }),
    RUNS,
  );
});

test("while the rollout is paused nobody rolls but whose spec was changed", () => {
  fc.assert(
    fc.property(
      fc.array(fate(fc.constant(false)), { minLength: 1, maxLength: 12 }),
      policy({ paused: true }),
      fc.nat(11),
      (fates, rules, at) => {
        const world = new World(fates, rules);
        world.step({ what: "upgrade" });
        world.step({ what: "change", at });
        world.step({ what: "scale", at: at + 1 });
        world.settle();
        const rolled = world.sinks.map(({ live }) => live.hash !== "a-1");
        assert.deepEqual(
          rolled,
          fates.map((_, index) => index === at % fates.length),
        );
      },
    ),
    RUNS,
  );
});
