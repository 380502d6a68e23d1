import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenAuthentication } from "../../../../worker/source/broker/authentication.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { commandFrame } from "../../../../worker/source/protocol/frames.ts";
import { type Peer, useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "../wire/receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

test("an error that answers no request any more is passed over, one that answers none at all ends the connection", async () => {
  const peers: Peer[] = [];
  const broker = await startBroker((command, body, peer) => {
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

test("a malformed frame ends the connection with a code, and the source tries again", async () => {
  let subscribed = 0;
  const broker = await startBroker((command, _body, { socket }) => {
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
  const broker = await startBroker((command, _body, { socket }) => {
    if (command !== Command.LOOKUP) return false;
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  assert.equal(receiver.source.state().failure?.code, "ProtocolError");
  assert.match(receiver.source.state().failure?.message ?? "", /a frame of 2147483647 bytes/);
});

test("a broker cannot allow itself frames that take all memory", async () => {
  const broker = await startBroker((command, _body, { socket, send }) => {
    if (command === Command.CONNECT) {
      send(Command.CONNECTED, c.connected, {
        serverVersion: "hostile",
        protocolVersion: 20,
        maxMessageSize: 2 ** 31 - 1,
      });
      return true;
    }
    if (command !== Command.LOOKUP) return false;
    socket.write(Buffer.from([0x40, 0, 0, 0]));
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  const { code, message = "" } = receiver.source.state().failure ?? {};
  assert.equal(code, "ProtocolError");
  assert.match(message, /a frame of 1073741824 bytes; the largest is 67119104/);
});

test("a flood of pings and challenges that are not listened to is not answered one by one", async () => {
  const FLOOD = 50_000;
  const answers = { [Command.PONG]: 0, [Command.AUTH_RESPONSE]: 0 };
  let flooding: Peer | null = null;
  const broker = await startBroker((command, body, peer) => {
    if (command === Command.PONG) answers[Command.PONG]++;
    if (command === Command.AUTH_RESPONSE) answers[Command.AUTH_RESPONSE]++;
    if (command !== Command.SUBSCRIBE) return false;
    flooding = peer;
    const pings = Array.from({ length: FLOOD }, () => commandFrame(Command.PING, c.empty, {}));
    const challenge = commandFrame(Command.AUTH_CHALLENGE, c.authChallenge, { challenge: { method: "token" } });
    const subscribed = commandFrame(Command.SUCCESS, c.success, { requestId: c.subscribe.decode(body).requestId });
    peer.socket.write(Buffer.concat([...pings, ...Array.from({ length: FLOOD }, () => challenge), subscribed]));
    return true;
  });
  const authentication = tokenAuthentication(async () => Buffer.from("token"));
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  assert.ok(flooding !== null);
  await receiver.until("it is answered", () => answers[Command.PONG] > 0 && answers[Command.AUTH_RESPONSE] > 0);
  assert.ok(answers[Command.PONG] < FLOOD / 10, `${answers[Command.PONG]} pongs`);
  assert.ok(answers[Command.AUTH_RESPONSE] < FLOOD / 10, `${answers[Command.AUTH_RESPONSE]} responses`);
});
