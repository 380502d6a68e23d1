import assert from "node:assert/strict";
import { test } from "node:test";
import { hostAndPort, parseServiceUrl } from "../../../../worker/source/broker/service-url.ts";
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

test("service URLs name one or several hosts", () => {
  assert.deepEqual(parseServiceUrl("pulsar://a"), [{ host: "a", port: 6650, tls: false }]);
  assert.deepEqual(parseServiceUrl("pulsar+ssl://a,b:1/"), [
    { host: "a", port: 6651, tls: true },
    { host: "b", port: 1, tls: true },
  ]);
  const [v6] = parseServiceUrl("pulsar://[::1]:6650");
  assert.ok(v6);
  assert.equal(v6.host, "::1");
  assert.equal(hostAndPort(v6), "[::1]:6650");
  for (const wrong of [
    "http://a",
    "pulsar://",
    "pulsar://a:0",
    "pulsar://a:99999",
    "pulsar://u@a",
    "a:6650",
    "pulsar://a,,b",
  ]) {
    assert.throws(() => parseServiceUrl(wrong), /is no Pulsar service URL/, wrong);
  }
});
