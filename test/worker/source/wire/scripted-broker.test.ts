import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import { type Clock, systemClock } from "../../../../runtime/clock.ts";
import { oauth2Authentication, tokenAuthentication } from "../../../../worker/source/broker/authentication.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { useReceivers } from "./receiver.ts";
import { type Answer, decodeAck, type Peer, type ScriptedBroker, startScriptedBroker } from "./scripted-broker.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const brokers: ScriptedBroker[] = [];

afterEach(() => {
  for (const broker of brokers.splice(0)) broker.close();
});

async function start(answer?: Answer): Promise<ScriptedBroker> {
  const broker = await startScriptedBroker(answer);
  brokers.push(broker);
  return broker;
}

test("redirects are followed, authoritative as told, and the owner is connected to", async () => {
  const owner = await start();
  const asked: (boolean | undefined)[] = [];
  const middle = await start((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId, authoritative } = c.lookup.decode(body);
    asked.push(authoritative);
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, {
      requestId,
      response: c.LookupResponse.Connect,
      brokerServiceUrl: owner.url,
    });
    return true;
  });
  const first = await start((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    const redirect = {
      requestId,
      response: c.LookupResponse.Redirect,
      brokerServiceUrl: middle.url,
      authoritative: true,
    };
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, redirect);
    return true;
  });
  const receiver = startReceiver({ serviceUrl: first.url, topics: [TOPIC] });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  assert.deepEqual(asked, [true]);
  assert.ok(owner.commands.some(({ command }) => command === Command.SUBSCRIBE));
});

test("of several hosts another one is asked when the first answers, and cannot look topics up", async () => {
  const sick = await start((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    const { ServiceNotReady } = c.ServerError;
    const failed = { requestId, response: c.LookupResponse.Failed, error: ServiceNotReady, message: "no metadata" };
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, failed);
    return true;
  });
  const sound = await start();
  const serviceUrl = `pulsar://127.0.0.1:${sick.port},127.0.0.1:${sound.port}`;
  const receiver = startReceiver({ serviceUrl, topics: [TOPIC] });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  assert.ok(sound.commands.some(({ command }) => command === Command.SUBSCRIBE));
});

test("a topic that went to another cluster is told of at once, with the way there", async () => {
  const broker = await start((command, body, { send }) => {
    if (command !== Command.SUBSCRIBE) return false;
    const resourceId = c.subscribe.decode(body).consumerId;
    const migrated = { resourceId, resourceType: c.MigratedResource.Consumer, brokerServiceUrl: "pulsar://green:6650" };
    send(Command.TOPIC_MIGRATED, c.topicMigrated, migrated);
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  assert.match(receiver.source.state().failure?.message ?? "", /pulsar:\/\/green:6650.*serviceUrl/);
});

test("redirects without end are given up", async () => {
  const broker = await start((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    const port = brokers[0]?.port;
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, {
      requestId,
      response: 0,
      brokerServiceUrl: `pulsar://127.0.0.1:${port}`,
    });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  assert.match(receiver.source.state().failure?.message ?? "", /more than 20 redirects/);
});

test("through a proxy the broker is named, and every connection goes to the service URL", async () => {
  const proxy = await start((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    const found = { requestId, response: c.LookupResponse.Connect, brokerServiceUrl: "pulsar://broker-7:6650" };
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, { ...found, proxyThroughServiceUrl: true });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: proxy.url, topics: [TOPIC] });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  const connects = proxy.commands
    .filter(({ command }) => command === Command.CONNECT)
    .map(({ body }) => c.connect.decode(body));
  assert.deepEqual(
    connects.map((connect) => connect.proxyToBrokerUrl),
    [undefined, "broker-7:6650"],
  );
});

test("a Failover consumer delivers while it is active, and not before or after", async () => {
  let peer: Peer | null = null;
  let consumerId = 0;
  const broker = await start((command, body, from) => {
    if (command === Command.SUBSCRIBE) {
      peer = from;
      consumerId = c.subscribe.decode(body).consumerId ?? 0;
      // A broker may tell this before it confirms the subscription.
      from.send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: false });
    }
    return false;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription: { type: "Failover" } });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  assert.ok(peer);
  const { send, sendMessage } = peer as Peer;
  const change = (isActive: boolean): void =>
    send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive });
  sendMessage(consumerId, 0, "early");
  change(true);
  sendMessage(consumerId, 1, "active");
  change(false);
  sendMessage(consumerId, 2, "late");
  change(true);
  sendMessage(consumerId, 1, "active again");
  await receiver.received(2);
  assert.deepEqual(receiver.texts, ["active", "active again"]);
  const [first, second] = receiver.assignments;
  assert.deepEqual([first?.active, second?.active], [false, true]);
  const before = broker.commands.length;
  const [old] = receiver.deliveries;
  assert.ok(old);
  receiver.source.acknowledgeThrough(old);
  await receiver.source.flush(AbortSignal.timeout(60_000));
  assert.ok(!broker.commands.slice(before).some(({ command }) => command === Command.ACK));
});

test("messages that come to a consumer that is not active cost permits too, which are given back when it is", async () => {
  const granted: number[] = [];
  const broker = await start((command, body, { send, sendMessage }) => {
    const change = (consumerId: number, isActive: boolean): void =>
      send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive });
    if (command === Command.FLOW) {
      const { consumerId = 0, permits = 0 } = c.flow.decode(body);
      if (granted.push(permits) > 1) return false;
      change(consumerId, false);
      for (let entry = 0; entry < permits; entry++) sendMessage(consumerId, entry, "late");
      change(consumerId, true);
    }
    if (command !== Command.SUBSCRIBE) return false;
    const { consumerId = 0, requestId } = c.subscribe.decode(body);
    send(Command.SUCCESS, c.success, { requestId });
    change(consumerId, true);
    return true;
  });
  const subscription = { type: "Failover" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription, receiverQueueSize: 5 });
  await receiver.until("more is asked for", () => granted.length > 1);
  assert.deepEqual(granted, [5, 5]);
  assert.deepEqual(receiver.texts, []);
});

test("another worker's activation is heard of at once, however full the budget is", async () => {
  let told = 0;
  const broker = await start((command, body, { send, sendMessage }) => {
    if (command === Command.FLOW && told === 0) {
      const consumerId = c.flow.decode(body).consumerId ?? 0;
      for (let entry = 0; entry < 100; entry++) sendMessage(consumerId, entry, "x".repeat(100_000));
      send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: false });
      told = performance.now();
    }
    if (command !== Command.SUBSCRIBE) return false;
    const { consumerId, requestId } = c.subscribe.decode(body);
    send(Command.SUCCESS, c.success, { requestId });
    send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: true });
    return true;
  });
  const subscription = { type: "Failover" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription, budgetBytes: 2_000_000 });
  await receiver.until("it is told", () => receiver.assignments[0]?.active === false);
  // What a broker said is taken for news of the last 10 s.
  assert.ok(performance.now() - told < 10_000, `${Math.round(performance.now() - told)} ms`);
  assert.ok(receiver.free < 0);
});

test("messages that grow beyond measure are given up while memory lasts, and come again in numbers that fit", async () => {
  const granted: number[] = [];
  let subscribed = 0;
  let sent = 0;
  const broker = await start((command, body, { sendMessage }) => {
    if (command === Command.SUBSCRIBE) subscribed += 1;
    if (command !== Command.FLOW) return false;
    const { consumerId = 0, permits = 0 } = c.flow.decode(body);
    if (subscribed > 1) granted.push(permits);
    for (let count = 0; count < permits && subscribed === 1; count++, sent++) {
      sendMessage(consumerId, sent, sent === 0 ? "small" : "large".repeat(4_000));
    }
    return true;
  });
  const budgetBytes = 200_000;
  const subscription = { type: "Exclusive" } as const;
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], subscription, budgetBytes });
  await receiver.until("it is subscribed again", () => subscribed === 2 && receiver.assignments.length === 2);
  assert.equal(receiver.assignments[0]?.active, false);
  assert.ok(sent > 200 && receiver.messages.length < 100, `${receiver.messages.length} of ${sent} messages taken in`);
  assert.deepEqual(granted, []);
  for (const { retainedBytes } of receiver.deliveries) receiver.giveBack(retainedBytes);
  await receiver.until("more is asked for", () => granted.length > 0);
  assert.ok((granted[0] ?? 0) <= 20, `${granted[0]} messages of 20,000 bytes`);
});

test("acknowledgements are grouped, and flush waits for the broker's receipt", async () => {
  const receipts: (() => void)[] = [];
  const broker = await start((command, body, { send, sendMessage }) => {
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
  const broker = await start((command, body, { send, sendMessage }) => {
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

test("while a broker refuses acknowledgements the topic is subscribed again with growing delays, not at once", async () => {
  const broker = await start((command, body, { send, sendMessage }) => {
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

test("what was acknowledged when the connection broke is acknowledged again before anything is asked for", async () => {
  let connections = 0;
  const order: number[] = [];
  const broker = await start((command, body, { socket, sendMessage }) => {
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

test("a challenge at any time is answered with fresh credentials", async () => {
  const tokens: string[] = [];
  const broker = await start((command, body, { send }) => {
    if (command === Command.CONNECT) tokens.push(String(c.connect.decode(body).authData));
    if (command === Command.SUBSCRIBE)
      send(Command.AUTH_CHALLENGE, c.authChallenge, { challenge: { method: "token" } });
    if (command === Command.AUTH_RESPONSE) tokens.push(String(c.authResponse.decode(body).response?.data));
    return false;
  });
  let count = 0;
  const authentication = tokenAuthentication(async () => Buffer.from(`token-${count++}`));
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication });
  await receiver.until("it was answered", () => tokens.length >= 2);
  assert.deepEqual(tokens.at(-1), `token-${count - 1}`);
  assert.equal(receiver.source.state().failure, null);
});

test("an access token that the broker refuses is asked for anew, though it has not expired", async () => {
  let tokens = 0;
  const issuer = createServer((request, response) => {
    if (request.method === "POST") tokens += 1;
    const address = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const answer = { token_endpoint: `${address}/token`, access_token: `token-${tokens}`, expires_in: 86_400 };
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  const broker = await start((command, body, { send }) => {
    if (command !== Command.CONNECT || String(c.connect.decode(body).authData) !== "token-1") return false;
    const refusal = { requestId: 2 ** 63, error: c.ServerError.AuthenticationError, message: "unknown signature" };
    send(Command.ERROR, c.error, refusal);
    return true;
  });
  try {
    const issuerUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const read = async () => Buffer.from(JSON.stringify({ client_id: "me", client_secret: "s3cret" }));
    const authentication = oauth2Authentication({ issuerUrl, read });
    const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication });
    await receiver.until("it is subscribed", () => receiver.source.state().connected);
    assert.equal(tokens, 2);
  } finally {
    issuer.close();
  }
});

test("a client certificate that is none is a failure of TLS, which says where to look", async () => {
  const broker = await start();
  const clientCertificate = async () => ({ cert: Buffer.from("no PEM"), key: Buffer.from("no PEM either") });
  const receiver = startReceiver({
    serviceUrl: `pulsar+ssl://127.0.0.1:${broker.port}`,
    topics: [TOPIC],
    tls: { clientCertificate },
  });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  const { code, message } = receiver.source.state().failure ?? {};
  assert.equal(code, "TlsFailed", message);
  assert.match(message ?? "", /spec\.pulsar\.tls/);
});

test("an error that answers no request any more is passed over, one that answers none at all ends the connection", async () => {
  const peers: Peer[] = [];
  const broker = await start((command, body, peer) => {
    if (command === Command.SUBSCRIBE) {
      peers.push(peer);
      const { requestId = 0 } = c.subscribe.decode(body);
      const late = { requestId: requestId - 1, error: c.ServerError.ServiceNotReady, message: "too late" };
      peer.send(Command.ERROR, c.error, late);
    }
    if (command !== Command.FLOW || peers.length > 1) return false;
    peer.sendMessage(c.flow.decode(body).consumerId ?? 0, 0, "sound");
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.received(1);
  assert.deepEqual(
    receiver.assignments.map(({ active }) => active),
    [true],
  );
  // Brokers write -1, unsigned, where an error concerns the connection.
  const refusal = { requestId: 2 ** 63, error: c.ServerError.AuthenticationError, message: "expired" };
  peers[0]?.send(Command.ERROR, c.error, refusal);
  await receiver.until("it is connected anew", () => peers.length === 2);
});

test("a dead letter whose connection breaks, or whose producer closes, is published again by a new producer", async () => {
  let sent = 0;
  const broker = await start((command, body, { send, sendMessage, socket }) => {
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

test("a producer that is confirmed too late is closed, or the broker would keep it", async () => {
  const broker = await start((command, body, { sendMessage }) => {
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

test("a malformed frame ends the connection with a code, and the source tries again", async () => {
  let subscribed = 0;
  const broker = await start((command, _body, { socket }) => {
    if (command !== Command.SUBSCRIBE || ++subscribed > 1) return false;
    // A command that claims to be longer than its frame.
    socket.write(Buffer.from([0, 0, 0, 6, 0, 0, 0, 99, 8, 3]));
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  assert.equal(receiver.source.state().failure?.code, "ProtocolError");
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
});

test("a frame larger than any message ends the connection before its bytes are awaited", async () => {
  const broker = await start((command, _body, { socket }) => {
    if (command !== Command.LOOKUP) return false;
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  assert.equal(receiver.source.state().failure?.code, "ProtocolError");
  assert.match(receiver.source.state().failure?.message ?? "", /a frame of 2147483647 bytes/);
});
