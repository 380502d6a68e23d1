import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { LEASE_MS } from "../../../../worker/source/source.ts";
import { useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "./receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

const MIB = 1024 * 1024;
const PAYLOAD = Buffer.alloc(200_000, "x");
const TICK_MS = 50;

/** A way to a broker on which so many bytes arrive in a second, in their order. */
async function startSlowWay(port: number, bytesPerSecond: number) {
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((client) => {
    const broker = connect(port, "127.0.0.1");
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.pipe(broker);
    broker.pause();
    timers.add(
      setInterval(() => {
        const most = (bytesPerSecond * TICK_MS) / 1_000;
        const chunk: Buffer | null = broker.read(Math.min(most, broker.readableLength)) ?? broker.read();
        if (chunk !== null) client.write(chunk);
      }, TICK_MS),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `pulsar://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

test("large messages that arrive slowly keep back no answer for as long as a lease, and arrive as fast as they can", async (t) => {
  let way = "";
  let entry = 0;
  const broker = await startBroker((command, body, peer) => {
    if (command === Command.LOOKUP) {
      const { requestId } = c.lookup.decode(body);
      const response = c.LookupResponse.Connect;
      peer.send(Command.LOOKUP_RESPONSE, c.lookupResponse, { requestId, response, brokerServiceUrl: way });
      return true;
    }
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    for (let left = permits; left > 0; left -= 1) peer.sendEntry(consumerId, entry++, {}, PAYLOAD);
    return true;
  });
  const slow = await startSlowWay(broker.port, MIB);
  t.after(() => slow.close());
  way = slow.url;
  const subscription = { type: "Exclusive" } as const;
  const receiver = startReceiver({ serviceUrl: slow.url, topics: [TOPIC], subscription, acknowledge: true });
  await receiver.received(1);
  const [assignment = assert.fail()] = receiver.assignments;
  let oldest = 0;
  const before = receiver.messages.length;
  for (let ticks = 0; ticks < 160; ticks += 1) {
    await delay(TICK_MS);
    oldest = Math.max(oldest, performance.now() - assignment.answeredAt);
  }
  t.diagnostic(`the oldest answer was asked ${Math.round(oldest)} ms ago`);
  assert.ok(oldest < LEASE_MS, `${oldest} ms`);
  const arrived = (receiver.messages.length - before) * PAYLOAD.length;
  assert.ok(arrived > 4 * MIB, `${arrived} bytes in 8 s`);
});
