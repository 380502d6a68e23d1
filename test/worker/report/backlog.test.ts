import assert from "node:assert/strict";
import { test } from "node:test";
import { createBacklog } from "../../../worker/report/backlog.ts";
import { silentLog } from "../../silent-log.ts";

const NOW = 1_000_000_000;
const TOPICS = ["persistent://public/default/a", "persistent://public/default/b"];
const signal = new AbortController().signal;

/** What is read where each topic's subscription has these statistics. */
function reading(stats: readonly object[], withAge: boolean) {
  const paths: string[] = [];
  const read = createBacklog({
    get: async (path) => {
      paths.push(path);
      const own = stats[TOPICS.findIndex((topic) => path.includes(`/${topic.slice(-1)}/`))];
      return { subscriptions: { "shop.orders": own } };
    },
    subscription: "shop.orders",
    topics: () => TOPICS,
    withAge: () => withAge,
    wall: () => NOW,
    log: silentLog,
  });
  return { paths, read: () => read(signal) };
}

test("the backlog is the sum over the topics, and its age that of the oldest message in any", async () => {
  const { read, paths } = reading(
    [
      { msgBacklog: 3, earliestMsgPublishTimeInBacklog: NOW - 5_000 },
      { msgBacklog: 4, earliestMsgPublishTimeInBacklog: NOW - 90_000 },
    ],
    true,
  );
  assert.deepEqual(await read(), { entries: 7, ageSeconds: 90 });
  assert.ok(paths.every((path) => path.endsWith("&getEarliestTimeInBacklog=true")));
});

test("a topic in which nothing waits has no oldest message, whatever the broker says of it", async () => {
  const { read } = reading([{ msgBacklog: 0, earliestMsgPublishTimeInBacklog: -1 }, {}], true);
  assert.deepEqual(await read(), { entries: 0, ageSeconds: 0 });
});

test("the age is not known where one broker does not tell it", async () => {
  for (const unknown of [{ msgBacklog: 4 }, { msgBacklog: 4, earliestMsgPublishTimeInBacklog: 0 }]) {
    const { read } = reading([{ msgBacklog: 3, earliestMsgPublishTimeInBacklog: NOW - 5_000 }, unknown], true);
    assert.deepEqual(await read(), { entries: 7, ageSeconds: null });
  }
});

test("brokers are not made to read a message for an age that nobody wants", async () => {
  const { read, paths } = reading([{ msgBacklog: 3 }, { msgBacklog: 4 }], false);
  assert.deepEqual(await read(), { entries: 7, ageSeconds: null });
  assert.ok(paths.every((path) => !path.includes("Earliest")));
});
