import assert from "node:assert/strict";
import { test } from "node:test";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { bytes, messageType, uint } from "../../../../worker/source/protocol/field-table.ts";
import { expandText } from "../../format/expand-value.ts";
import { type ScriptedBroker, useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "../wire/receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

test("redirects are followed, authoritative as told, and the owner is connected to", async () => {
  const owner = await startBroker();
  const asked: (boolean | undefined)[] = [];
  const middle = await startBroker((command, body, { send }) => {
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
  const first = await startBroker((command, body, { send }) => {
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
  const sick = await startBroker((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    const { ServiceNotReady } = c.ServerError;
    const failed = { requestId, response: c.LookupResponse.Failed, error: ServiceNotReady, message: "no metadata" };
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, failed);
    return true;
  });
  const sound = await startBroker();
  const serviceUrl = `pulsar://127.0.0.1:${sick.port},127.0.0.1:${sound.port}`;
  const receiver = startReceiver({ serviceUrl, topics: [TOPIC] });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  assert.ok(sound.commands.some(({ command }) => command === Command.SUBSCRIBE));
});

test("redirects without end are given up", async () => {
  const broker: ScriptedBroker = await startBroker((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, { requestId, response: 0, brokerServiceUrl: broker.url });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  assert.match(receiver.source.state().failure?.message ?? "", /more than 20 redirects/);
});

test("through a proxy the broker is named, and every connection goes to the service URL", async () => {
  const proxy = await startBroker((command, body, { send }) => {
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

test("a topic with more partitions than there can be consumers is refused with a remedy", async () => {
  const broker = await startBroker((command, body, { send }) => {
    if (command !== Command.PARTITIONED_METADATA) return false;
    const { requestId } = c.partitionedMetadata.decode(body);
    send(Command.PARTITIONED_METADATA_RESPONSE, c.partitionedMetadataResponse, {
      requestId,
      response: 0,
      partitions: 4_000_000_000,
    });
    return true;
  });
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  const { code, message = "" } = receiver.source.state().failure ?? {};
  assert.equal(code, "ProtocolError");
  assert.match(message, /4000000000; at most 10000 are consumed: .*spec\.pulsar\.topics/);
});

test("a schema version that is no number of 64 bits names no schema, and the broker is not asked for it", async () => {
  const asked: number[] = [];
  const broker = await startBroker((command, body, { send }) => {
    if (command !== Command.GET_SCHEMA) return false;
    const { requestId, schemaVersion } = c.getSchema.decode(body);
    asked.push(schemaVersion?.length ?? -1);
    send(Command.GET_SCHEMA_RESPONSE, c.getSchemaResponse, { requestId, schema: { type: 2, data: Buffer.from("{}") } });
    return true;
  });
  const { schemas } = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] }).source;
  for (const length of [0, 1, 7, 9, 4096]) assert.equal(await schemas.schema(TOPIC, Buffer.alloc(length)), null);
  assert.equal((await schemas.schema(TOPIC, Buffer.alloc(8)))?.type, "JSON");
  assert.equal((await schemas.schema(TOPIC, null))?.type, "JSON");
  assert.deepEqual(asked, [8, -1]);
});

test("lookups ask for the addresses of the listener that is named, and a broker without it is told of with the remedy", async () => {
  const asked = new Set<string | undefined>();
  let knows = true;
  const broker = await startBroker((command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId, advertisedListenerName } = c.lookup.decode(body);
    asked.add(advertisedListenerName);
    if (knows) return false;
    const { ServiceNotReady } = c.ServerError;
    const message = "the broker do not have external listener";
    const failed = { requestId, response: c.LookupResponse.Failed, error: ServiceNotReady, message };
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, failed);
    return true;
  });
  const options = { serviceUrl: broker.url, topics: [TOPIC], listenerName: "external" };
  const receiver = startReceiver(options);
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
  assert.deepEqual([...asked], ["external"]);
  knows = false;
  const other = startReceiver(options);
  await other.until("it fails", () => other.source.state().failure !== null);
  assert.match(other.source.state().failure?.message ?? "", /external listener"; correct spec\.pulsar\.listenerName/);
});

test("a schema of megabytes is one that nothing can be decoded by, and nothing is made of its properties", async () => {
  const property = Buffer.from([0x2a, 0]);
  const schema = Buffer.concat(Array.from({ length: 1_000_000 }, () => property));
  const raw = messageType({ requestId: uint(1), schema: bytes(4) });
  const broker = await startBroker((command, body, { send }) => {
    if (command !== Command.GET_SCHEMA) return false;
    send(Command.GET_SCHEMA_RESPONSE, raw, { requestId: c.getSchema.decode(body).requestId ?? 0, schema });
    return true;
  });
  const { schemas } = startReceiver({ serviceUrl: broker.url, topics: [TOPIC] }).source;
  const found = await schemas.schema(TOPIC, Buffer.alloc(8));
  assert.deepEqual([found?.type, found?.data.length, found?.properties.size], ["OVERSIZED", 0, 0]);
  const text = await expandText({ schema: found, payload: "v" }).catch((error: Error) => error.message);
  assert.match(text, /OVERSIZED schema cannot be expanded/);
});
