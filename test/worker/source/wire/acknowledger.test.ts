import assert from "node:assert/strict";
import { test } from "node:test";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { adjustableClock } from "../../../clock.ts";
import { decodeAck, type ScriptedBroker, useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "./receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

test("acknowledgements are grouped, and flush waits for the broker's receipt", async () => {
  const receipts: (() => void)[] = [];
  const broker = await startBroker((command, body, { send, sendMessage }) => {
    if (command === Command.FLOW)
      for (let entry = 0; entry < 5; entry++) sendMessage(c.flow.decode(body).consumerId ?? 0, entry, `${entry}`);
    if (command !== Command.ACK) return false;
    receipts.push(() => send(Command.ACK_RESPONSE, c.ackResponse, { requestId: decodeAck(body).requestId }));
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription: { type: "Exclusive" } });
  await receiver.received(5);
  for (const delivery of receiver.deliveries.slice(0, 5)) receiver.source.acknowledgeThrough(delivery);
  let flushed = false;
  const flush = receiver.source.flush(AbortSignal.timeout(60_000)).then(() => {
    flushed = true;
  });
  await receiver.until("it was sent", () => receipts.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.deepEqual([receipts.length, flushed], [1, false]);
  const acks = broker.commands.filter(({ command }) => command === Command.ACK).map(({ body }) => decodeAck(body));
  assert.deepEqual([acks[0]?.entry, acks[0]?.cumulative], [4, true]);
  receipts[0]?.();
  await flush;
});

test("an acknowledgement that is refused ends the assignment, so that everything comes again", async () => {
  let refused = 0;
  const broker = await startBroker((command, body, { send, sendMessage }) => {
    if (command === Command.FLOW) sendMessage(c.flow.decode(body).consumerId ?? 0, 0, "once more");
    if (command !== Command.ACK || ++refused > 1) return false;
    const { MetadataError } = c.ServerError;
    send(Command.ACK_RESPONSE, c.ackResponse, {
      requestId: decodeAck(body).requestId,
      error: MetadataError,
      message: "no",
    });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], acknowledge: true });
  await receiver.until("it was subscribed again", () => receiver.assignments.length >= 2);
  assert.equal(receiver.assignments[0]?.active, false);
  await receiver.received(2);
});

test("what was acknowledged when the connection broke is acknowledged again before anything is asked for", async () => {
  let connections = 0;
  const order: number[] = [];
  const broker = await startBroker((command, body, { socket, sendMessage }) => {
    if (command === Command.SUBSCRIBE) connections++;
    if (connections > 1) order.push(command);
    if (command === Command.FLOW && connections === 1) sendMessage(c.flow.decode(body).consumerId ?? 0, 7, "once");
    if (command !== Command.ACK || connections > 1) return false;
    socket.destroy();
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], acknowledge: true });
  await receiver.until("more is asked for", () => order.includes(Command.FLOW));
  assert.deepEqual(order.slice(0, 3), [Command.SUBSCRIBE, Command.ACK, Command.FLOW]);
  const acks = broker.commands
    .filter(({ command }) => command === Command.ACK)
    .map(({ body }) => decodeAck(body).entry);
  assert.deepEqual(acks, [7, 7]);
});

test("receipts are read behind more messages than memory holds, so that no slow sink makes them late", async () => {
  const size = 100_000;
  let sent = 0;
  const broker = await startBroker((command, body, { sendMessage }) => {
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    for (let count = 0; count < permits; count++) sendMessage(consumerId, sent++, "x".repeat(size));
    return true;
  });
  const budgetBytes = 4_000_000;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], budgetBytes });
  await receiver.received(1);
  const [first] = receiver.deliveries;
  assert.ok(first);
  await receiver.until("more is on its way than there is memory for", () => sent * size > 1.5 * budgetBytes);
  receiver.source.acknowledge([first]);
  await receiver.source.flush(AbortSignal.timeout(10_000));
  assert.equal(receiver.assignments.length, 1);
  await receiver.received(sent);
  assert.ok(sent * size < 3 * budgetBytes, `${sent} messages`);
});

test("what was never confirmed is acknowledged again, however long ago it was sent", async () => {
  const clock = adjustableClock();
  let subscribed = 0;
  const acks: number[] = [];
  const broker = await startBroker((command, body, { send, sendMessage }) => {
    if (command === Command.SUBSCRIBE) subscribed += 1;
    if (command === Command.FLOW && subscribed === 1) {
      const { consumerId = 0 } = c.flow.decode(body);
      if (acks.length === 0) for (let entry = 0; entry < 2; entry++) sendMessage(consumerId, entry, "once");
    }
    if (command !== Command.ACK) return false;
    acks.push(...decodeAck(body).entries);
    // The consumer is gone at the broker, which will say so.
    if (subscribed > 1) return false;
    if (acks.length === 2)
      send(Command.CLOSE_CONSUMER, c.closeConsumer, { consumerId: consumerOf(broker), requestId: 0 });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], clock });
  await receiver.received(2);
  for (const delivery of receiver.deliveries.slice(0, 2)) {
    const before = acks.length;
    receiver.source.acknowledge([delivery]);
    await receiver.until("it was sent", () => acks.length > before);
    clock.advance(11_000);
  }
  await receiver.until("it is subscribed again", () => receiver.assignments.length === 2);
  await receiver.source.flush(AbortSignal.timeout(60_000));
  assert.deepEqual(acks, [0, 1, 0, 1]);
});

/** The id of the first consumer that subscribed. */
function consumerOf({ commands }: ScriptedBroker): number {
  const subscribed = commands.find(({ command }) => command === Command.SUBSCRIBE);
  return subscribed === undefined ? -1 : (c.subscribe.decode(subscribed.body).consumerId ?? -1);
}
