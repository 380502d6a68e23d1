import assert from "node:assert/strict";
import { test } from "node:test";
import {
  fullTopicName,
  partitionIndex,
  topicPattern,
  withoutPartition,
} from "../../../../worker/source/broker/topic-name.ts";
import { SourceError } from "../../../../worker/source/source.ts";

test("topics have a full name", () => {
  assert.equal(fullTopicName("orders"), "persistent://public/default/orders");
  assert.equal(fullTopicName("t/n/orders"), "persistent://t/n/orders");
  assert.equal(fullTopicName("non-persistent://t/n/orders"), "non-persistent://t/n/orders");
  assert.equal(fullTopicName("persistent://t/cluster/n/orders"), "persistent://t/cluster/n/orders");
  for (const wrong of ["", "a/b", "t/n/", "persistent://t/n", "persistent:///n/t", "a/b/c/d"]) {
    assert.throws(() => fullTopicName(wrong), { code: "InvalidTopic" }, wrong);
  }
});

test("partitions are told by their suffix", () => {
  assert.equal(partitionIndex("persistent://a/b/c-partition-12"), 12);
  assert.equal(partitionIndex("persistent://a/b/c-partition-"), -1);
  assert.equal(withoutPartition("persistent://a/b/c-partition-12"), "persistent://a/b/c");
});

test("a pattern matches whole topic names of one namespace", () => {
  const pattern = topicPattern("persistent://t/n/orders-.*");
  assert.equal(pattern.namespace, "t/n");
  assert.equal(pattern.matches("persistent://t/n/orders-eu"), true);
  assert.equal(pattern.matches("persistent://t/n/my-orders-eu"), false);
  assert.equal(pattern.matches("persistent://t/other/orders-eu"), false);
  assert.equal(topicPattern("t/n/.*", ["t/n/dead"]).matches("persistent://t/n/dead"), false);
  assert.equal(topicPattern("t/n/.*", ["t/n/dead"]).matches("persistent://t/n/dead-2"), true);
  assert.equal(topicPattern("t/n/a|b").matches("persistent://t/n/b"), true);
  assert.equal(topicPattern("t/n/a|b").matches("persistent://t/n/ab"), false);
  for (const wrong of ["t/n/(", "t/n", "non-persistent://t/n/.*"]) {
    assert.throws(
      () => topicPattern(wrong),
      (error) => error instanceof SourceError && error.code === "InvalidTopic",
      wrong,
    );
  }
});

test("patterns of Java's clients are taken", () => {
  for (const [pattern, yes, no] of [
    ["orders\\-.*", "orders-eu", "orders_eu"],
    ["\\Qa.b\\E-\\d+", "a.b-12", "axb-12"],
    ["(?i)ORD.*", "orders", "dro"],
    ["(?!internal\\-).*", "orders", "internal-orders"],
    ["(?!dead).*-(a|b)\\1", "orders-aa", "orders-ab"],
    ["[\\w\\-]+(?<!-dlq)", "orders-eu", "orders-dlq"],
  ] as const) {
    const { matches } = topicPattern(`t/n/${pattern}`);
    assert.equal(matches(`persistent://t/n/${yes}`), true, pattern);
    assert.equal(matches(`persistent://t/n/${no}`), false, pattern);
  }
});

test("a pattern that would take for ever is matched at once, or says that it takes too long", () => {
  const hostile = `persistent://t/n/${"a".repeat(200)}`;
  const began = performance.now();
  assert.equal(topicPattern("t/n/(a+)+b").matches(hostile), false);
  assert.throws(() => topicPattern("t/n/(?!x)(a+)+b").matches(hostile), {
    code: "InvalidTopic",
    message: /more than 50 ms to match one topic's name: write it without look-arounds/,
  });
  assert.ok(performance.now() - began < 5_000);
});
