import assert from "node:assert/strict";
import { test } from "node:test";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { type Peer, useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "../wire/receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

/** A broker that can be told to leave pings without an answer. */
async function startPingedBroker() {
  const held: { readonly peer: Peer; readonly at: number }[] = [];
  const consumers: { readonly peer: Peer; readonly id: number }[] = [];
  const state = { holds: false };
  const broker = await startBroker((command, body, peer) => {
    if (command === Command.FLOW) consumers.push({ peer, id: c.flow.decode(body).consumerId ?? 0 });
    if (command !== Command.PING || !state.holds) return false;
    held.push({ peer, at: performance.now() });
    return true;
  });
  return { broker, held, consumers, state };
}

test("an answer tells of the time at which was asked, and nothing else that a broker sends does", async () => {
  const { broker, held, consumers, state } = await startPingedBroker();
  state.holds = true;
  const subscription = { type: "Exclusive" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription });
  await receiver.until("it is assigned, and asked for messages", () => consumers.length > 0);
  const [assignment] = receiver.assignments;
  assert.ok(assignment);
  const subscribed = assignment.answeredAt;
  assert.ok(subscribed > 0 && subscribed <= performance.now(), "it asked to subscribe, and was answered");
  // Topics are asked for on a connection of their own, which is pinged too.
  const own = () => held.filter(({ peer }) => peer.socket === consumers[0]?.peer.socket);
  await receiver.until("it is pinged", () => own().length > 1);
  consumers[0]?.peer.sendMessage(consumers[0].id, 0, "one");
  await receiver.received(1);
  assert.equal(assignment.answeredAt, subscribed);
  const asked = own();
  for (const { peer } of asked) peer.send(Command.PONG, c.empty, {});
  await receiver.until("the answers are there", () => assignment.answeredAt > subscribed);
  assert.ok(assignment.answeredAt <= (asked.at(-1)?.at ?? 0), "it was sent before it came");
});

test("what was answered to its successor says nothing of an assignment that has ended", async () => {
  const { broker, consumers } = await startPingedBroker();
  const subscription = { type: "Exclusive" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription });
  await receiver.until("it is assigned", () => consumers.length > 0);
  const [{ peer, id } = assert.fail()] = consumers;
  peer.send(Command.CLOSE_CONSUMER, c.closeConsumer, { consumerId: id });
  await receiver.until("it is assigned again", () => receiver.assignments.length === 2);
  const [ended, again] = receiver.assignments;
  const last = ended?.answeredAt ?? 0;
  assert.equal(ended?.active, false);
  await receiver.until("the next one is answered", () => (again?.answeredAt ?? 0) > performance.now() - 500);
  await receiver.until("and again", () => (again?.answeredAt ?? 0) > last + 1_000);
  assert.equal(ended?.answeredAt, last);
});

test("answers on another connection than the consumer's do not count", async () => {
  const { broker, held, state } = await startPingedBroker();
  state.holds = true;
  let pings = 0;
  const service = await startBroker((command, body, peer) => {
    if (command === Command.PING) pings += 1;
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    const response = c.LookupResponse.Connect;
    peer.send(Command.LOOKUP_RESPONSE, c.lookupResponse, { requestId, response, brokerServiceUrl: broker.url });
    return true;
  });
  const subscription = { type: "Exclusive" } as const;
  const receiver = startReceiver({ serviceUrl: service.url, topics: [TOPIC], subscription });
  await receiver.until("it is assigned", () => receiver.assignments.length === 1);
  const subscribed = receiver.assignments[0]?.answeredAt;
  await receiver.until("both were pinged for a while", () => pings > 2 && held.length > 2);
  assert.equal(receiver.assignments[0]?.answeredAt, subscribed);
});
