import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { condition, type FakeCluster, fakeCluster, observed } from "./fixture.ts";

const READY = { conditions: [condition("Ready", "True", "WorkersReady")], readyReplicas: 1 };
const NOT_READY = {
  conditions: [
    condition("Ready", "False", "StreamNotFound", "Stream orders does not exist: create it"),
    condition("Stalled", "True", "StreamNotFound", "Stream orders does not exist: create it"),
    condition("SourceConnected", "True", "Connected"),
    condition("Throttled", "False", "NotThrottled"),
  ],
  selector: "pulsar-kinesis.io/sink=broken",
  ignoredProperties: ["spec.config.minConnections"],
};

describe("commands on a cluster", () => {
  let cluster: FakeCluster;
  before(async () => {
    cluster = await fakeCluster();
  });
  after(() => cluster.close());
  beforeEach(() => {
    for (const list of [cluster.sinks, cluster.pods, cluster.events, cluster.requests]) list.length = 0;
    cluster.readOnly.clear();
  });

  const names = (text: string) => [...text.matchAll(/^(\w+\/\w+) /gm)].map(([, name]) => name);

  test("status shows the sinks of the context's namespace, of another, of all, or those with labels", async () => {
    cluster.sinks.push(
      observed("orders", READY, {}, { labels: { team: "a" } }),
      observed("clicks", READY, {}, { labels: { team: "b" } }),
      observed("returns", READY, {}, { namespace: "eu" }),
    );
    assert.deepEqual(names((await cluster.run("status")).stdout), ["shop/clicks", "shop/orders"]);
    assert.deepEqual(names((await cluster.run("status", "-n", "eu")).stdout), ["eu/returns"]);
    assert.equal(names((await cluster.run("status", "-A")).stdout).length, 3);
    assert.deepEqual(names((await cluster.run("status", "-l", "team=a")).stdout), ["shop/orders"]);
    assert.deepEqual(names((await cluster.run("status", "orders")).stdout), ["shop/orders"]);
  });

  test("status is good when all are ready or stopped on purpose, and bad when one is not", async () => {
    cluster.sinks.push(
      observed("orders", READY),
      observed("clicks", { conditions: [condition("Paused", "True", "Paused", "as asked")] }),
    );
    assert.equal((await cluster.run("status")).code, 0);
    cluster.sinks.push(observed("broken", NOT_READY));
    const { code, stdout } = await cluster.run("status");
    assert.equal(code, 1);
    assert.match(stdout, /^shop\/broken +NotReady +StreamNotFound .*create it$/m);
  });

  test("a sink that the operator has not looked at since its last change is not called ready", async () => {
    cluster.sinks.push(observed("orders", { ...READY, observedGeneration: 1 }));
    const { code, stdout } = await cluster.run("status", "-o", "json");
    assert.equal(code, 1);
    assert.equal(JSON.parse(stdout).sinks[0].state, "Unknown");
  });

  test("why tells conditions, pods, causes and what to do on one page", async () => {
    const source = { connected: true, partitions: 2 };
    const stream = { writable: false, reason: "StreamNotFound", message: "Stream orders does not exist: create it" };
    const worker = {
      pod: "broken-1",
      state: "Stalled" as const,
      reason: "StreamNotFound",
      message: stream.message,
      source,
      stream,
    };
    const poison = {
      count: 2,
      topic: "persistent://public/default/orders",
      messageId: "1:2:0",
      reason: "RecordTooLarge",
      message: "too large",
    };
    cluster.sinks.push(observed("broken", { ...NOT_READY, workers: [{ ...worker, poison }] }));
    cluster.pods.push({
      metadata: { name: "broken-1" },
      status: {
        phase: "Running",
        conditions: [{ type: "Ready", status: "False" }],
        containerStatuses: [{ restartCount: 3 }],
      },
    });
    cluster.events.push({ type: "Warning", reason: "FailedMount", message: "secret aws not found" });
    const { code, stdout, stderr } = await cluster.run("why", "broken");
    assert.deepEqual([code, stderr], [1, ""]);
    assert.match(stdout, /^shop\/broken is not ready for \d+\w: /);
    assert.match(stdout, /^ {2}Ready +False +StreamNotFound .*create it$/m);
    assert.match(
      stdout,
      /^ {2}broken-1: Running, not ready, 3 restarts, Stalled\n {4}FailedMount: secret aws not found\n {4}StreamNotFound: /m,
    );
    assert.match(stdout, /^ {2}broken-1: 2, the first is 1:2:0 of persistent:.*RecordTooLarge/m);
    assert.match(stdout, /^What to do\n {2}StreamNotFound: .*does not pass by itself/m);
    assert.match(stdout, /^ {2}RecordTooLarge: /m);
    assert.doesNotMatch(stdout.slice(stdout.indexOf("What to do")), /NotThrottled|Connected:/);
    assert.match(stdout, /^Fields without effect\n {2}spec\.config\.minConnections$/m);
  });

  test("pause and resume change those that are named or chosen, and say which need no change", async () => {
    cluster.sinks.push(observed("orders", READY), observed("clicks", READY, { paused: true }));
    const paused = await cluster.run("pause", "orders", "clicks");
    assert.deepEqual(paused, { code: 0, stdout: "shop/orders paused\nshop/clicks is paused already\n", stderr: "" });
    assert.ok(cluster.sinks.every(({ spec }) => spec.paused));
    const resumed = await cluster.run("resume", "-A");
    assert.deepEqual(resumed.stdout, "shop/clicks resumed\nshop/orders resumed\n");
    assert.ok(cluster.sinks.every(({ spec }) => !spec.paused));
    assert.equal((await cluster.run("pause", "-l", "team=none")).code, 1);
  });

  test("one that may not be changed keeps none of the others from it", async () => {
    cluster.sinks.push(observed("orders", READY, {}, { namespace: "eu" }), observed("clicks", READY));
    cluster.readOnly.add("eu");
    const { code, stdout, stderr } = await cluster.run("pause", "-A");
    assert.equal(code, 1);
    assert.match(stderr, /403 Forbidden you may not/);
    assert.equal(stdout, "shop/clicks paused\n");
  });

  test("a sink that is not there is told, with exit code 1", async () => {
    for (const command of ["status", "why", "pause"]) {
      const { code, stderr } = await cluster.run(command, "orders");
      assert.equal(code, 1);
      assert.match(stderr, /there is no KinesisSink shop\/orders/);
    }
  });

  test("what cannot be asked is a usage error: no selection, an unknown context, a cluster that does not answer", async () => {
    for (const [args, message] of [
      [["pause"], /name the sinks, or choose them/],
      [["status", "orders", "-A"], /not both/],
      [["status", "--context", "prod"], /no context prod: it has test, gone/],
      [["status", "--context", "gone"], /ECONNREFUSED/],
    ] as const) {
      const { code, stderr } = await cluster.run(...args);
      assert.equal(code, 2);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /hunter2/);
    }
  });
});
