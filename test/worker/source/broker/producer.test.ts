import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { type Clock, systemClock } from "../../../../runtime/clock.ts";
import { createDeadLetters } from "../../../../worker/source/broker/dead-letter-producer.ts";
import { createLookup } from "../../../../worker/source/broker/lookup.ts";
import { createPool } from "../../../../worker/source/broker/pool.ts";
import { createSchemas } from "../../../../worker/source/broker/schemas.ts";
import { parseServiceUrl } from "../../../../worker/source/broker/service-url.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { adjustableClock } from "../../../clock.ts";
import { silentLog } from "../../../silent-log.ts";
import { useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "../wire/receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

test("a dead letter whose connection breaks, or whose producer closes, is published again by a new producer", async () => {
  let sent = 0;
  const broker = await startBroker((command, body, { send, sendMessage, socket }) => {
    if (command === Command.FLOW) sendMessage(c.flow.decode(body).consumerId ?? 0, 0, "poison");
    if (command === Command.PRODUCER) {
      const { requestId } = c.producer.decode(body);
      send(Command.PRODUCER_SUCCESS, c.producerSuccess, { requestId, producerName: "p", lastSequenceId: -1 });
    }
    if (command !== Command.SEND) return false;
    const { producerId, sequenceId } = c.send.decode(body);
    sent += 1;
    if (sent === 1) socket.destroy();
    else if (sent === 2) send(Command.CLOSE_PRODUCER, c.closeProducer, { producerId });
    else send(Command.SEND_RECEIPT, c.sendReceipt, { producerId, sequenceId });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.received(1);
  const [message] = receiver.messages;
  assert.ok(message);
  const publish = () => receiver.source.publish("dead", { message, topic: TOPIC, reason: new Map() });
  await assert.rejects(publish(), { code: "BrokerUnreachable" });
  await assert.rejects(publish(), { code: "BrokerNotReady" });
  await publish();
  assert.equal(sent, 3);
  assert.equal(broker.commands.filter(({ command }) => command === Command.PRODUCER).length, 3);
});

test("dead letters travel on a connection of their own, or pings and acknowledgements would wait behind them", async () => {
  const sockets = new Map<number, Set<Socket>>();
  const broker = await startBroker((command, body, { send, sendMessage, socket }) => {
    sockets.set(command, (sockets.get(command) ?? new Set()).add(socket));
    if (command === Command.FLOW) sendMessage(c.flow.decode(body).consumerId ?? 0, 0, "poison");
    if (command === Command.PRODUCER) {
      const { requestId } = c.producer.decode(body);
      send(Command.PRODUCER_SUCCESS, c.producerSuccess, { requestId, producerName: "p", lastSequenceId: -1 });
    }
    if (command !== Command.SEND) return false;
    const { producerId, sequenceId } = c.send.decode(body);
    send(Command.SEND_RECEIPT, c.sendReceipt, { producerId, sequenceId });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.received(1);
  const [message] = receiver.messages;
  assert.ok(message);
  for (const dead of ["dead", "others-dead"]) {
    await receiver.source.publish(dead, { message, topic: TOPIC, reason: new Map() });
  }
  const [published, consumed] = [Command.SEND, Command.FLOW].map((command) => sockets.get(command));
  assert.deepEqual([published?.size, consumed?.size], [1, 1]);
  assert.ok([...(published ?? [])].every((socket) => consumed?.has(socket) === false));
});

test("a producer that is confirmed too late is closed, or the broker would keep it", async () => {
  const broker = await startBroker((command, body, { sendMessage }) => {
    if (command === Command.FLOW) sendMessage(c.flow.decode(body).consumerId ?? 0, 0, "poison");
    return command === Command.PRODUCER;
  });
  // Impatience with answers alone.
  const clock: Clock = {
    ...systemClock,
    timer: (ms, callback) => systemClock.timer(ms === 15_000 ? 300 : ms, callback),
  };
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], clock });
  await receiver.received(1);
  const [message] = receiver.messages;
  assert.ok(message);
  const publish = receiver.source.publish("dead", { message, topic: TOPIC, reason: new Map() });
  await assert.rejects(publish, { code: "BrokerNotReady" });
  const bodies = (wanted: number) =>
    broker.commands.filter(({ command }) => command === wanted).map(({ body }) => body);
  await receiver.until("it is closed", () => bodies(Command.CLOSE_PRODUCER).length > 0);
  const closed = bodies(Command.CLOSE_PRODUCER).map((body) => c.closeProducer.decode(body).producerId);
  assert.deepEqual(
    closed,
    bodies(Command.PRODUCER).map((body) => c.producer.decode(body).producerId),
  );
});

test("the schema of dead letters is registered again after a minute: their topic may have been made anew", async (t) => {
  let fails = false;
  const registered: string[] = [];
  const broker = await startBroker((command, body, { send, sendEntry }) => {
    if (command === Command.FLOW) {
      const { consumerId = 0 } = c.flow.decode(body);
      for (const n of [0, 1]) {
        const schemaVersion = Buffer.from([0, 0, 0, 0, 0, 0, 0, n]);
        sendEntry(consumerId, n, { schemaVersion }, Buffer.from("poison"));
      }
    } else if (command === Command.GET_SCHEMA) {
      // Both versions name the same schema.
      const { requestId } = c.getSchema.decode(body);
      const schema = { type: 2, data: Buffer.from("{}") };
      send(Command.GET_SCHEMA_RESPONSE, c.getSchemaResponse, { requestId, schema });
      return true;
    } else if (command === Command.PRODUCER) {
      const { requestId } = c.producer.decode(body);
      send(Command.PRODUCER_SUCCESS, c.producerSuccess, { requestId, producerName: "p", lastSequenceId: -1 });
      return true;
    } else if (command === Command.GET_OR_CREATE_SCHEMA) {
      const { requestId, topic = "" } = c.getOrCreateSchema.decode(body);
      registered.push(topic);
      const answer = fails ? { error: c.ServerError.ServiceNotReady } : { schemaVersion: Buffer.alloc(8) };
      send(Command.GET_OR_CREATE_SCHEMA_RESPONSE, c.getOrCreateSchemaResponse, { requestId, ...answer });
      return true;
    } else if (command === Command.SEND) {
      const { producerId, sequenceId } = c.send.decode(body);
      send(Command.SEND_RECEIPT, c.sendReceipt, { producerId, sequenceId });
      return true;
    }
    return false;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.received(2);
  // Connections keep the time themselves.
  const clock = adjustableClock();
  const closing = new AbortController();
  const shared = { log: silentLog, signal: closing.signal };
  const access = { tls: {}, authentication: null, congested: () => false };
  const pool = createPool({ hosts: parseServiceUrl(broker.url), ...access, ...shared, clock: systemClock });
  t.after(() => {
    closing.abort();
    pool.close();
  });
  const letters = createDeadLetters(createLookup(pool), createSchemas(pool, { ...shared, clock }), clock);
  const publish = async () => {
    for (const message of receiver.messages)
      await letters.publish("dead", { message, topic: TOPIC, reason: new Map() });
  };
  await publish();
  await publish();
  assert.deepEqual(registered, ["persistent://public/default/dead"], "once for all that have the schema");
  clock.advance(60_000);
  await publish();
  assert.equal(registered.length, 2);
  fails = true;
  clock.advance(60_000);
  await publish();
  assert.equal(registered.length, 3, "what cannot be asked now goes with the version that is known");
});
