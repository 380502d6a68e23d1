import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../runtime/clock.ts";
import { createBacklog } from "../../worker/report/backlog.ts";
import { silentLog } from "../silent-log.ts";
import { until } from "../until.ts";
import { useBroker } from "./source/wire/broker-fixture.ts";
import { createPublisher, type Publisher } from "./source/wire/publisher.ts";

describe("what waits in a subscription at a broker", { timeout: 600_000 }, () => {
  const broker = useBroker();
  let publisher: Publisher;
  before(() => {
    publisher = createPublisher(broker.pulsar.serviceUrl);
  });
  after(() => publisher.close());

  /** Over these topics, in seconds since their oldest message was published. */
  function reading(topics: readonly string[], withAge: boolean) {
    const read = createBacklog({
      get: (path, signal) => fetch(new URL(path, broker.pulsar.adminUrl), { signal }).then((answer) => answer.json()),
      subscription: "sink",
      topics: () => topics,
      withAge: () => withAge,
      wall: systemClock.wall,
      log: silentLog,
    });
    return () => read(AbortSignal.timeout(30_000));
  }

  test("is counted, and its age is that of the oldest message, wherever that is", async () => {
    const [old, empty] = [broker.topic(), broker.topic()];
    for (const topic of [old, empty]) {
      await broker.admin("PUT", topic.replace("://", "/"));
      await broker.admin("PUT", `${topic.replace("://", "/")}/subscription/sink`);
    }
    assert.deepEqual(await reading([old, empty], true)(), { entries: 0, ageSeconds: 0 });
    const began = Date.now();
    for (let index = 0; index < 3; index += 1) await publisher.single(old, Buffer.from("message"));
    const backlog = await until("it has grown old", async () => {
      const found = await reading([old, empty], true)();
      return (found?.ageSeconds ?? 0) >= 3 && found;
    });
    assert.equal(backlog.entries, 3);
    assert.ok((backlog.ageSeconds ?? 0) <= Math.ceil((Date.now() - began) / 1000) + 1);
    assert.deepEqual(await reading([old, empty], false)(), { entries: 3, ageSeconds: null });
  });
});
