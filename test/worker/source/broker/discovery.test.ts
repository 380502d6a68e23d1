import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Discovery, type DiscoveryOptions, startDiscovery } from "../../../../worker/source/broker/discovery.ts";
import { topicPattern } from "../../../../worker/source/broker/topic-name.ts";
import { SourceError } from "../../../../worker/source/source.ts";
import { createVirtualClock } from "../../../clock.ts";

const INTERVAL_MS = 60_000;
const N = "persistent://t/n/";

/** A namespace that the test changes, and what is consumed of it. */
function look(
  t: TestContext,
  what: { readonly topics?: readonly string[]; readonly pattern?: string; readonly foundBefore?: boolean },
) {
  const clock = createVirtualClock();
  const closing = new AbortController();
  t.after(() => closing.abort());
  /** Counts of partitions; 0 for a topic without. */
  const partitioned = new Map<string, number>();
  const existing = new Set<string>();
  const failing = new Set<string>();
  const consumed = new Map<string, "late" | "early">();
  let discovery: Discovery | null = null;
  const options: DiscoveryOptions = {
    topics: (what.topics ?? []).map((name) => N + name),
    pattern: what.pattern === undefined ? null : topicPattern(N + what.pattern),
    foundBefore: what.foundBefore,
    lookup: {
      async partitions(topic) {
        if (failing.has(topic)) throw new SourceError("BrokerNotReady", `no answer for ${topic}`);
        return partitioned.get(topic) ?? 0;
      },
      topics: async () => [...existing],
    },
    intervalMs: INTERVAL_MS,
    clock,
    signal: closing.signal,
    onFound: ({ name, late }) => void consumed.set(name.slice(N.length), late ? "late" : "early"),
    onGone: (name) => void consumed.delete(name.slice(N.length)),
  };
  return {
    /** The first look, or the next one. */
    async next() {
      await clock.advance(discovery === null ? 0 : INTERVAL_MS);
      discovery ??= startDiscovery(options);
      await clock.advance(0);
    },
    state: () => ({ failure: discovery?.failure?.code ?? null, complete: discovery?.complete }),
    consumed: () => Object.fromEntries([...consumed].toSorted(([one], [other]) => (one < other ? -1 : 1))),
    fail: (name: string, fails: boolean) => void (fails ? failing.add(N + name) : failing.delete(N + name)),
    /** Makes a topic anew, with so many partitions; null deletes it. */
    make(name: string, count: number | null) {
      for (const known of existing) if (known.replace(/-partition-\d+$/, "") === N + name) existing.delete(known);
      partitioned.delete(N + name);
      if (count === null) return;
      partitioned.set(N + name, count);
      if (count === 0) existing.add(N + name);
      for (let index = 0; index < count; index++) existing.add(`${N}${name}-partition-${index}`);
    },
    /** A topic by itself that has the name of a partition. */
    makeAlone: (name: string) => void existing.add(N + name),
  };
}

for (const what of [{ topics: ["x"] }, { pattern: ".*" }]) {
  const way = Object.keys(what)[0];
  test(`a partitioned topic made anew without partitions is consumed from its start (${way})`, async (t) => {
    const { make, next, consumed, state } = look(t, what);
    make("x", 2);
    await next();
    assert.deepEqual(consumed(), { "x-partition-0": "early", "x-partition-1": "early" });
    make("x", 0);
    await next();
    assert.deepEqual(consumed(), { x: "late" });
    make("x", 1);
    await next();
    assert.deepEqual(consumed(), { "x-partition-0": "late" });
    assert.deepEqual(state(), { failure: null, complete: true });
  });
}

test("a partitioned topic that was deleted is not made anew as another one", async (t) => {
  const { make, next, consumed } = look(t, { topics: ["x"] });
  make("x", 2);
  await next();
  make("x", null);
  await next();
  assert.deepEqual(consumed(), { "x-partition-0": "early", "x-partition-1": "early" });
});

test("partitions come and go, and one that is named itself stays", async (t) => {
  const { make, next, consumed } = look(t, { topics: ["x", "x-partition-1"] });
  make("x", 3);
  await next();
  assert.deepEqual(Object.keys(consumed()), ["x-partition-0", "x-partition-1", "x-partition-2"]);
  make("x", 1);
  await next();
  assert.deepEqual(consumed(), { "x-partition-0": "early", "x-partition-1": "early" });
});

test("a topic that cannot be looked up and then vanishes is no failure any more", async (t) => {
  const { make, fail, next, state, consumed } = look(t, { pattern: ".*" });
  make("x", 0);
  make("y", 0);
  fail("y", true);
  await next();
  assert.deepEqual(state(), { failure: "BrokerNotReady", complete: false });
  make("y", null);
  await next();
  assert.deepEqual(state(), { failure: null, complete: true });
  assert.deepEqual(consumed(), { x: "early" });
});

test("a topic that was there from the beginning is not taken for a new one when its first look-up failed", async (t) => {
  const { make, fail, next, consumed } = look(t, { pattern: ".*" });
  make("x", 0);
  make("y", 0);
  fail("y", true);
  await next();
  assert.deepEqual(consumed(), { x: "early" });
  fail("y", false);
  make("z", 0);
  await next();
  assert.deepEqual(consumed(), { x: "early", y: "early", z: "late" });
  make("y", null);
  await next();
  make("y", 0);
  await next();
  assert.deepEqual(consumed(), { x: "early", y: "late", z: "late" });
});

test("a topic by itself with the name of a partition is consumed under its own name", async (t) => {
  const { make, makeAlone, next, consumed } = look(t, { pattern: ".*" });
  makeAlone("x-partition-0");
  make("y", 1);
  await next();
  assert.deepEqual(consumed(), { "x-partition-0": "early", "y-partition-0": "early" });
});

for (const what of [{ topics: ["x"] }, { pattern: ".*" }]) {
  test(`where all was found before, what has no subscription came while nobody looked (${Object.keys(what)[0]})`, async (t) => {
    const { make, next, consumed } = look(t, { ...what, foundBefore: true });
    make("x", 2);
    await next();
    assert.deepEqual(consumed(), { "x-partition-0": "late", "x-partition-1": "late" });
  });
}
