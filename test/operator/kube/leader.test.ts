import assert from "node:assert/strict";
import { test } from "node:test";
import { createLeaderElection } from "../../../operator/kube/leader.ts";
import type { Lease, LeaseClient, LeaseSpec } from "../../../operator/kube/lease.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createLogger } from "../../../runtime/log.ts";
import { createVirtualClock, settle, type VirtualClock } from "../../clock.ts";

const SECONDS = 1000;

/** One Lease with the API server's optimistic locking. */
function leaseStore() {
  let stored: Lease | undefined;
  let version = 0;
  let reachable = true;
  const store = (spec: LeaseSpec): Lease => {
    version += 1;
    stored = { metadata: { name: "lease", resourceVersion: String(version) }, spec };
    return stored;
  };
  const client = (): LeaseClient => ({
    read: async () => {
      if (!reachable) throw new Error("unreachable");
      return stored;
    },
    create: async (spec) => {
      if (stored) throw new ApiError("POST", 409, { reason: "AlreadyExists" });
      return store(spec);
    },
    update: async (lease, spec) => {
      if (!reachable) throw new Error("unreachable");
      if (lease.metadata.resourceVersion !== stored?.metadata.resourceVersion) {
        throw new ApiError("PUT", 409, { reason: "Conflict" });
      }
      return store(spec);
    },
  });
  return {
    client,
    spec: () => stored?.spec,
    cut: () => {
      reachable = false;
    },
    heal: () => {
      reachable = true;
    },
  };
}

function candidate(clock: VirtualClock, leases: LeaseClient, identity: string) {
  const stop = new AbortController();
  const terms: string[] = [];
  const election = createLeaderElection({
    leases,
    clock,
    identity,
    logger: createLogger({ program: "test", level: "error" }),
    leaseDurationMs: 15 * SECONDS,
    renewDeadlineMs: 10 * SECONDS,
    retryPeriodMs: 2 * SECONDS,
    random: () => 0,
  });
  const ended = election.run(async (signal) => {
    terms.push(`begin ${clock.now() / SECONDS}`);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    terms.push(`end ${clock.now() / SECONDS}`);
  }, stop.signal);
  return { election, terms, stop, ended };
}

test("the first one leads and renews, the second one waits", async () => {
  const clock = createVirtualClock();
  const store = leaseStore();
  const first = candidate(clock, store.client(), "a");
  await settle();
  const second = candidate(clock, store.client(), "b");
  await clock.advance(120 * SECONDS);
  assert.deepEqual([first.election.isLeader(), second.election.isLeader()], [true, false]);
  assert.deepEqual([first.terms, second.terms], [["begin 0"], []]);
  assert.equal(store.spec()?.holderIdentity, "a");
  assert.equal(store.spec()?.leaseTransitions, 0);
});

test("a leader that vanishes is followed after the lease's duration, counted on the follower's own clock", async () => {
  const clock = createVirtualClock();
  const store = leaseStore();
  const alive = store.client();
  let dead = false;
  const never = new Promise<never>(() => {});
  const first = candidate(clock, { ...alive, read: (signal) => (dead ? never : alive.read(signal)) }, "a");
  await clock.advance(10 * SECONDS);
  const second = candidate(clock, store.client(), "b");
  dead = true;
  await clock.advance(14 * SECONDS);
  assert.equal(second.election.isLeader(), false);
  await clock.advance(4 * SECONDS);
  assert.equal(second.election.isLeader(), true);
  assert.deepEqual([store.spec()?.holderIdentity, store.spec()?.leaseTransitions], ["b", 1]);
  assert.equal(first.terms.length, 1);
});

test("a leader that cannot renew stops before another may lead, and leads again when it can", async () => {
  const clock = createVirtualClock();
  const store = leaseStore();
  const first = candidate(clock, store.client(), "a");
  await clock.advance(1 * SECONDS);
  store.cut();
  await clock.advance(30 * SECONDS);
  assert.equal(first.election.isLeader(), false);
  assert.equal(first.terms[0], "begin 0");
  const end = Number(first.terms[1]?.split(" ")[1]);
  assert.ok(end >= 10 && end < 15, `its term ended at ${end} s`);
  store.heal();
  await clock.advance(10 * SECONDS);
  assert.equal(first.election.isLeader(), true);
});

test("a term counts from when the lease was asked for, however late its answer came", async () => {
  const clock = createVirtualClock();
  const store = leaseStore();
  const prompt = store.client();
  const unreachable = () => Promise.reject(new Error("unreachable"));
  // The server writes at once; its answer takes its time, and is the last one.
  const cut: LeaseClient = {
    read: (signal) => (store.spec() ? unreachable() : prompt.read(signal)),
    create: async (spec, signal) => {
      const lease = await prompt.create(spec, signal);
      await clock.sleep(8 * SECONDS);
      return lease;
    },
    update: unreachable,
  };
  const first = candidate(clock, cut, "a");
  await settle();
  const second = candidate(clock, prompt, "b");
  await clock.advance(30 * SECONDS);
  assert.equal(first.terms[0], "begin 8");
  assert.equal(second.terms.length, 1);
  const end = Number(first.terms[1]?.split(" ")[1]);
  const begin = Number(second.terms[0]?.split(" ")[1]);
  assert.ok(end < begin, `one led until ${end} s, the other from ${begin} s`);
});

test("a leader whose lease somebody else took stops at once", async () => {
  const clock = createVirtualClock();
  const store = leaseStore();
  const first = candidate(clock, store.client(), "a");
  await clock.advance(1 * SECONDS);
  const client = store.client();
  const lease = await client.read(new AbortController().signal);
  assert.ok(lease);
  await client.update(lease, { ...lease.spec, holderIdentity: "thief" }, new AbortController().signal);
  await clock.advance(2 * SECONDS);
  assert.equal(first.election.isLeader(), false);
  assert.equal(first.terms.length, 2);
});

test("on shutdown the work ends first, then the lease is released, and the next one leads within a retry period", async () => {
  const clock = createVirtualClock();
  const store = leaseStore();
  const first = candidate(clock, store.client(), "a");
  await settle();
  const second = candidate(clock, store.client(), "b");
  await clock.advance(5 * SECONDS);
  first.stop.abort();
  await first.ended;
  assert.equal(store.spec()?.holderIdentity, "");
  assert.equal(first.terms.length, 2);
  await clock.advance(3 * SECONDS);
  assert.equal(second.election.isLeader(), true);
});
