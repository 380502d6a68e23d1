import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../../../../runtime/clock.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { decodeAck, useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "./receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

test("while a broker refuses acknowledgements the topic is subscribed again with growing delays, not at once", async () => {
  const broker = await startBroker((command, body, { send, sendMessage }) => {
    if (command === Command.FLOW) sendMessage(c.flow.decode(body).consumerId ?? 0, 0, "again and again");
    if (command !== Command.ACK) return false;
    const { requestId } = decodeAck(body);
    send(Command.ACK_RESPONSE, c.ackResponse, {
      requestId,
      error: c.ServerError.PersistenceError,
      message: "no bookie",
    });
    return true;
  });
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep(ms, signal) {
      if (ms < 60_000) delays.push(ms);
      return systemClock.sleep(ms, signal);
    },
  };
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], acknowledge: true, clock });
  await receiver.until("it was subscribed some times", () => receiver.assignments.length >= 4);
  assert.ok(delays.length >= 3 && delays.every((ms) => ms >= 20), delays.join());
});
