/** Topic-partitions that share a budget, some of which never move, in virtual time: who moves goes on moving. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { createBudget } from "../../../../worker/pipeline/budget.ts";
import type { Share } from "../../../../worker/pipeline/share.ts";
import { nothingIncomplete } from "../../../../worker/source/wire/incomplete.ts";
import { newPermitAccount, type PermitAccount } from "../../../../worker/source/wire/permit-account.ts";
import { createPermits } from "../../../../worker/source/wire/permits.ts";
import { createVirtualClock } from "../../../clock.ts";
import { assignment } from "../../pipeline/messages.ts";

const TOTAL = 8_000_000;
const TICK_MS = 100;
const STUCK_AFTER_MS = 10_000;

interface Topic {
  readonly name: string;
  readonly entryBytes: number;
  readonly messages: number;
  /** Entries that are done each tick; 0: it never moves. */
  readonly perTick: number;
  readonly held: number[];
  account: PermitAccount;
  share: Share;
  given: ReturnType<typeof assignment>;
  /** Tick at which it comes back; null while it is subscribed. */
  backAt: number | null;
  done: number;
  /** Of the slow shard, those of which an entry is done one after the other. */
  readonly isSlow: boolean;
}

type Kind = Pick<Topic, "entryBytes" | "messages" | "perTick" | "isSlow">;

function world(kinds: readonly Kind[], perEntry: boolean) {
  const clock = createVirtualClock();
  const budget = createBudget(TOTAL);
  const permits = createPermits(budget, 5_000, nothingIncomplete(), clock);
  const topics = kinds.map((kind, index): Topic => {
    const name = `topic-${index}`;
    const given = assignment(name);
    const account = newPermitAccount(() => undefined, perEntry);
    return { ...kind, name, given, account, share: budget.begin(given), held: [], backAt: null, done: 0 };
  });
  for (const { account, share } of topics) permits.open(account, share);
  /** A message of a slow topic is done at a time, in the order in which they came. */
  const slow: { readonly topic: Topic; readonly given: Topic["given"] }[] = [];

  /** The broker sends what it was asked for. */
  const send = (topic: Topic): void => {
    const { account, share, entryBytes, messages } = topic;
    for (let sent = 0; account.outstanding > 0 && sent < 50; sent += 1) {
      if (permits.overdrawn) return;
      topic.held.push(entryBytes);
      if (topic.isSlow) slow.push({ topic, given: topic.given });
      share.take(entryBytes);
      permits.received(account, perEntry ? 1 : messages, entryBytes);
    }
    permits.topUp(account);
  };
  const finish = (topic: Topic, entries: number): void => {
    for (let count = 0; count < entries && topic.held.length > 0; count += 1) {
      topic.share.moved();
      permits.acknowledged(topic.account, topic.messages);
      topic.share.release(topic.held.shift() ?? 0);
      topic.done += 1;
    }
  };
  const close = (topic: Topic, tick: number): void => {
    topic.backAt = tick + budget.giveBack(topic.share, clock.now(), null) / TICK_MS;
    permits.close(topic.account);
    topic.given.active = false;
    topic.share.release(topic.held.splice(0).reduce((sum, each) => sum + each, 0));
    budget.end(topic.given);
  };
  const comeBack = (topic: Topic): void => {
    topic.backAt = null;
    topic.given = assignment(topic.name);
    topic.share = budget.begin(topic.given);
    const { bytesPerPermit, bytesPerEntry } = topic.account;
    topic.account = newPermitAccount(() => undefined, perEntry, { bytesPerPermit, bytesPerEntry });
    permits.open(topic.account, topic.share);
  };
  const step = async (tick: number): Promise<void> => {
    await clock.advance(TICK_MS);
    for (const topic of topics) {
      if (topic.backAt !== null && tick >= topic.backAt) comeBack(topic);
      if (topic.backAt !== null) continue;
      finish(topic, topic.perTick);
      send(topic);
    }
    let next = slow.shift();
    while (next !== undefined && next.topic.given !== next.given) next = slow.shift();
    if (next !== undefined) finish(next.topic, 1);
    await turn();
    if (tick % 10 !== 0) return;
    for (const share of budget.look(clock.now(), false, STUCK_AFTER_MS)) {
      const topic = topics.find((each) => each.share === share);
      if (topic !== undefined) close(topic, tick);
    }
    await turn();
  };
  return { budget, topics, step };
}

async function run(kinds: readonly Kind[], perEntry: boolean, ticks: number) {
  const { budget, topics, step } = world(kinds, perEntry);
  const largest = Math.max(...kinds.map(({ entryBytes }) => entryBytes));
  let most = 0;
  const half = new Map<Topic, number>();
  for (let tick = 1; tick <= ticks; tick += 1) {
    await step(tick);
    most = Math.max(most, budget.used);
    if (tick * 2 === ticks) for (const topic of topics) half.set(topic, topic.done);
    if (tick % 10 !== 0) continue;
    const stuck = topics.filter(({ share, backAt }) => backAt === null && share.isStuck);
    const held = stuck.reduce((sum, { share }) => sum + share.held, 0);
    assert.ok(held <= TOTAL / 2, `${held} bytes are stuck`);
  }
  const late = topics.map((topic) => topic.done - (half.get(topic) ?? 0));
  return { topics, late, most, largest };
}

const mover: Kind = { entryBytes: 100_000, messages: 100, perTick: 10, isSlow: false };

const entries = (entryBytes: number, perTick: number): Kind => ({ entryBytes, messages: 1, perTick, isSlow: false });

/** Large ones that never move beside one that moves slowly, and large and small ones that move beside each other. */
const HARD_CASES: readonly [Kind[], Kind[]] = [
  [entries(300, 1), ...Array.from({ length: 4 }, () => entries(3_000_000, 0)), entries(300, 0)],
  [entries(3_000_000, 20), entries(300, 0), entries(300, 20), entries(300, 0), entries(300, 0), entries(400_000, 20)],
];

for (const perEntry of [true, false]) {
  const mode = perEntry ? "ordered" : "unordered";

  test(`whoever moves goes on beside any number of stuck ones, ${mode}`, { timeout: 120_000 }, async () => {
    const kind = fc.record({
      entryBytes: fc.constantFrom(300, 20_000, 400_000, 3_000_000),
      messages: fc.constantFrom(1, 10, 1_000),
      perTick: fc.constantFrom(0, 0, 1, 20),
      isSlow: fc.constant(false),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(kind, { minLength: 1, maxLength: 24 }), async (kinds) => {
        const all = [mover, ...kinds];
        const { late, most, largest } = await run(all, perEntry, 1_200);
        for (const [index, { perTick }] of all.entries()) {
          if (perTick > 0) assert.ok((late[index] ?? 0) >= 10, `topic ${index} did ${late[index]} entries in a minute`);
        }
        assert.ok(most <= 4 * TOTAL + all.length * largest, `${most} bytes`);
      }),
      { numRuns: 15, examples: [[HARD_CASES[0]], [HARD_CASES[1]]] },
    );
  });

  for (const stuck of [1, 2, 3]) {
    test(`${stuck} of 4 stuck topics leave the others half of the budget, ${mode}`, async () => {
      const fast: Kind = { ...mover, perTick: 1_000 };
      const still: Kind = { ...mover, perTick: 0 };
      const all = Array.from({ length: 4 }, (_, index) => (index < stuck ? still : fast));
      const alone = await run([fast], perEntry, 1_200);
      const { topics, late } = await run(all, perEntry, 1_200);
      const held = topics.slice(0, stuck).reduce((sum, { share }) => sum + share.held, 0);
      assert.ok(held <= TOTAL / 2 + stuck * still.entryBytes, `${held} bytes`);
      // One alone may have twice as much on the way.
      const flow = late.slice(stuck).reduce((sum, done) => sum + done, 0);
      assert.ok(flow >= (alone.late[0] ?? 0) / 3, `${flow} entries beside ${alone.late[0]} alone`);
    });
  }

  test(`1,000 topic-partitions of one slow shard hold up neither each other nor others, ${mode}`, async () => {
    const slow: Kind = { entryBytes: 50_000, messages: 50, perTick: 0, isSlow: true };
    const all = [...Array.from({ length: 20 }, () => mover), ...Array.from({ length: 980 }, () => slow)];
    const { topics, late } = await run(all, perEntry, 2_000);
    for (const done of late.slice(0, 20)) assert.ok(done >= 100, `${done} entries`);
    const served = topics.slice(20).reduce((sum, { done }) => sum + done, 0);
    assert.ok(served > 1_500, `the shard took ${served} of 2,000 that it would take`);
  });
}
