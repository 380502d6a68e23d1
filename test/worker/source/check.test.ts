import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSource } from "../../../worker/source/check.ts";
import { probeBroker } from "../../../worker/source/probe.ts";
import * as c from "../../../worker/source/protocol/commands.ts";
import { Command, ServerError } from "../../../worker/source/protocol/commands.ts";
import { silentLog } from "../../silent-log.ts";
import { type Answer, useScriptedBrokers } from "./scripted-broker.ts";

const TOPIC = "persistent://public/default/orders";
const startBroker = useScriptedBrokers();
const soon = () => AbortSignal.timeout(60_000);

/** A broker with these topics in every namespace, without schemas. */
function withTopics(topics: readonly string[], first: Answer = () => false): Answer {
  return (command, body, peer) => {
    if (first(command, body, peer)) return true;
    if (command === Command.GET_TOPICS_OF_NAMESPACE) {
      const { requestId } = c.topicsOfNamespace.decode(body);
      peer.send(Command.GET_TOPICS_OF_NAMESPACE_RESPONSE, c.topicsOfNamespaceResponse, {
        requestId,
        topics: [...topics],
      });
      return true;
    }
    if (command === Command.GET_SCHEMA) {
      const { requestId } = c.getSchema.decode(body);
      peer.send(Command.GET_SCHEMA_RESPONSE, c.getSchemaResponse, { requestId, error: ServerError.TopicNotFound });
      return true;
    }
    return false;
  };
}

test("a check makes nothing and asks for no message: a consumer that is not kept, no topic by its name", async () => {
  const broker = await startBroker(withTopics([`${TOPIC}-partition-0`, `${TOPIC}-partition-1`]));
  const { findings, partitions } = await checkSource(
    { serviceUrl: broker.url, topics: ["orders"], log: silentLog },
    soon(),
  );
  assert.deepEqual(
    findings.map(({ result }) => result),
    ["good", "good", "good"],
  );
  assert.equal(partitions.length, 2);
  const sent = broker.commands.map(({ command }) => command);
  for (const command of [
    Command.PARTITIONED_METADATA,
    Command.FLOW,
    Command.PRODUCER,
    Command.ACK,
    Command.UNSUBSCRIBE,
  ]) {
    assert.ok(!sent.includes(command), `command ${command} was sent`);
  }
  const subscriptions = broker.commands
    .filter(({ command }) => command === Command.SUBSCRIBE)
    .map(({ body }) => c.subscribe.decode(body));
  assert.equal(subscriptions.length, 1, "one partition speaks for its topic");
  const [{ topic, durable, forceTopicCreation, subscription }] = subscriptions as [(typeof subscriptions)[number]];
  assert.deepEqual([topic, durable, forceTopicCreation], [`${TOPIC}-partition-0`, false, false]);
  assert.match(subscription ?? "", /^kinesis-sink-check-/);
  assert.ok(sent.includes(Command.CLOSE_CONSUMER));
});

test("a topic that is not there is neither looked up nor subscribed to", async () => {
  const broker = await startBroker(withTopics([]));
  const { findings } = await checkSource({ serviceUrl: broker.url, topics: [TOPIC], log: silentLog }, soon());
  assert.match(findings.at(-1)?.message ?? "", /^TopicNotFound: .*create it/);
  assert.ok(!broker.commands.some(({ command }) => command === Command.SUBSCRIBE));
});

test("who may not consume is told, for each topic", async () => {
  const refuse: Answer = (command, body, { send }) => {
    if (command !== Command.SUBSCRIBE) return false;
    const { requestId } = c.subscribe.decode(body);
    send(Command.ERROR, c.error, { requestId, error: ServerError.AuthorizationError, message: "no permission" });
    return true;
  };
  const other = "persistent://public/default/clicks";
  const broker = await startBroker(withTopics([TOPIC, other], refuse));
  const { findings } = await checkSource({ serviceUrl: broker.url, topics: [TOPIC, other], log: silentLog }, soon());
  const refused = findings.filter(({ result }) => result === "bad");
  assert.deepEqual(
    refused.map(({ subject }) => subject),
    [`consuming ${TOPIC}`, `consuming ${other}`],
  );
  for (const { message } of refused) assert.match(message, /^AuthorizationFailed: .*grant the role/);
});

test("a probe goes no further than the door", async () => {
  const broker = await startBroker();
  assert.equal(await probeBroker({ serviceUrl: broker.url, log: silentLog }, soon()), null);
  assert.deepEqual(
    broker.commands.map(({ command }) => command),
    [Command.CONNECT],
  );
  const nobody = await probeBroker({ serviceUrl: "pulsar://127.0.0.1:1", log: silentLog }, soon());
  assert.equal(nobody?.code, "BrokerUnreachable");
});
