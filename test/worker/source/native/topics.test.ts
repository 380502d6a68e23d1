import assert from "node:assert/strict";
import { test } from "node:test";
import type { FoundPartition } from "../../../../worker/source/broker/discovery.ts";
import type { NativeTopic } from "../../../../worker/source/native/topic.ts";
import { createNativeTopics } from "../../../../worker/source/native/topics.ts";
import { createVirtualClock, settle } from "../../../clock.ts";
import { silentLog } from "../../../silent-log.ts";

const found = (name: string): FoundPartition => ({ name, late: false, create: true });

/** Topics that are only written down, where memory does for `room` of them. */
function follow(room: number) {
  const events: string[] = [];
  const clock = createVirtualClock();
  const start = ({ name }: FoundPartition): NativeTopic => {
    events.push(`start ${name}`);
    return {
      topic: name,
      subscription: null,
      failure: null,
      end: () => undefined,
      close: async () => void events.push(`close ${name}`),
    };
  };
  const shortage = (partitions: number) =>
    partitions > room ? ({ code: "MemoryLimitTooLow", message: `${partitions} are too many` } as const) : null;
  const topics = createNativeTopics({ start, shortage, clock, log: silentLog });
  return { topics, events, clock };
}

test("all that is found is subscribed to, and what is gone is closed", async () => {
  const { topics, events } = follow(2);
  topics.add(found("a"));
  topics.add(found("b"));
  await settle();
  topics.remove("a");
  await settle();
  assert.deepEqual(events, ["start a", "start b", "close a"]);
  assert.deepEqual([topics.all.map(({ topic }) => topic), topics.get("a"), topics.failure], [["b"], null, null]);
});

test("nothing is subscribed to while memory does not do for all that was found together", async () => {
  const { topics, events } = follow(2);
  for (const name of ["a", "b", "c"]) topics.add(found(name));
  await settle();
  assert.deepEqual(events, []);
  assert.deepEqual(topics.failure, { code: "MemoryLimitTooLow", message: "3 are too many", since: 0 });
  assert.deepEqual(topics.all, []);
});

test("what was found earlier is given up when more is found than memory does for, and begins again when it does", async () => {
  const { topics, events, clock } = follow(2);
  topics.add(found("a"));
  topics.add(found("b"));
  await settle();
  await clock.advance(1_000);
  topics.add(found("c"));
  await settle();
  assert.deepEqual(events.splice(0), ["start a", "start b", "close a", "close b"]);
  await clock.advance(1_000);
  topics.add(found("d"));
  await settle();
  assert.deepEqual(topics.failure, { code: "MemoryLimitTooLow", message: "4 are too many", since: 1_000 });
  topics.remove("a");
  topics.remove("d");
  await settle();
  assert.deepEqual(events.splice(0), ["start b", "start c"]);
  assert.equal(topics.failure, null);
  await topics.close();
  assert.deepEqual(events, ["close b", "close c"]);
});

test("nothing begins after the end", async () => {
  const { topics, events } = follow(2);
  topics.add(found("a"));
  await topics.close();
  topics.add(found("b"));
  await settle();
  assert.deepEqual(events, []);
});
