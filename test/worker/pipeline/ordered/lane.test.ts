import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createBudget } from "../../../../worker/pipeline/budget.ts";
import { createOpenDelivery } from "../../../../worker/pipeline/intake/checkpoint.ts";
import { OrderedAssignment } from "../../../../worker/pipeline/ordered/assignment.ts";
import { Lane, OrderedUserRecord } from "../../../../worker/pipeline/ordered/lane.ts";
import { assignment, delivery, message } from "../messages.ts";

/** A lane with so many messages, and another one of the same topic-partition with one message behind them. */
function lanes(count: number) {
  const given = assignment("orders");
  const owner = new OrderedAssignment(given, createBudget(1_000).shareOf(given));
  const open = createOpenDelivery(delivery(given, ["a:1"]), 100, 0);
  const [lane, other] = [new Lane(owner, "a"), new Lane(owner, "b")];
  const append = (to: Lane, text: string) => {
    to.append(new OrderedUserRecord(to, open, message(to.key, text), text.length, null));
  };
  for (let number = 1; number <= count; number += 1) append(lane, `a:${number}`);
  append(other, "b:1");
  return { given, owner, lane, other };
}

function textsOf(lane: Lane): string[] {
  const texts: string[] = [];
  for (let record = lane.head; record !== null; record = record.next) texts.push(record.message.id);
  return texts;
}

describe("a lane", () => {
  test("gives its messages one after the other, while their topic-partition may be written for", () => {
    const { given, owner, lane } = lanes(2);
    assert.equal(lane.first(0)?.message.id, "a:1");
    lane.removeHead();
    assert.equal(lane.first(0)?.message.id, "a:2");
    assert.equal(owner.inLanes, 2);
    given.active = false;
    assert.equal(lane.first(0), null);
  });

  test("loses what is withdrawn, from the poison of its topic-partition on", () => {
    const { owner, lane, other } = lanes(4);
    owner.stop(2);
    for (const each of [lane, other]) each.truncate();
    assert.deepEqual([textsOf(lane), textsOf(other), owner.inLanes], [["a:1", "a:2"], [], 2]);
    assert.equal(owner.isIdle, false);
  });

  test("loses everything once its topic-partition is revoked, and what is on its way may not be written again", () => {
    const { owner, lane, other } = lanes(2);
    const { head } = lane;
    owner.revoke();
    for (const each of [lane, other]) each.truncate();
    assert.deepEqual([textsOf(lane), owner.inLanes, head?.mayWrite(0)], [[], 0, false]);
  });

  test("lets no message follow into an aggregate that is poison", () => {
    const { lane } = lanes(2);
    const next = lane.head?.next as OrderedUserRecord;
    assert.equal(lane.head?.following, next);
    next.deadLetter = "waiting";
    assert.equal(lane.head?.following, null);
  });

  test("aggregates again once so many of its messages went unaggregated, or nothing is left", () => {
    const { lane } = lanes(3);
    lane.sendUnaggregated(2);
    lane.removeHead();
    assert.equal(lane.unaggregated, true);
    lane.removeHead();
    assert.equal(lane.unaggregated, false);
    lane.sendUnaggregated(5);
    lane.idle();
    assert.equal(lane.unaggregated, false);
  });

  test("compares sequence numbers of one shard, and none across shards", () => {
    const { lane } = lanes(1);
    assert.equal(lane.inOrder("one", "10", 0), true);
    assert.equal(lane.inOrder("one", "9", 0), false);
    assert.equal(lane.inOrder("two", "9", 0), true);
    assert.equal(lane.inOrder("one", "8", 0), true);
  });
});
