import assert from "node:assert/strict";
import { test } from "node:test";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
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
