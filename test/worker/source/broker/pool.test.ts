import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { systemClock } from "../../../../runtime/clock.ts";
import type { Connection } from "../../../../worker/source/broker/connection.ts";
import { createLookup } from "../../../../worker/source/broker/lookup.ts";
import { createPool, type Pool } from "../../../../worker/source/broker/pool.ts";
import { createSchemas } from "../../../../worker/source/broker/schemas.ts";
import { parseServiceUrl } from "../../../../worker/source/broker/service-url.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { adjustableClock } from "../../../clock.ts";
import { silentLog } from "../../../silent-log.ts";
import { type Peer, useScriptedBrokers } from "../scripted-broker.ts";

const startBroker = useScriptedBrokers();
const pools: Pool[] = [];
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

/** A pool whose long sleeps end when the test says so, and by which socket each command came. */
async function scene() {
  const sockets: Peer["socket"][] = [];
  const commands = new Map<number, number>();
  const broker = await startBroker((command, body, { socket, send }) => {
    if (!sockets.includes(socket)) sockets.push(socket);
    commands.set(command, sockets.indexOf(socket));
    if (command !== Command.GET_SCHEMA) return false;
    const { requestId } = c.getSchema.decode(body);
    send(Command.GET_SCHEMA_RESPONSE, c.getSchemaResponse, { requestId, schema: { type: 1, data: Buffer.alloc(0) } });
    return true;
  });
  const sleeping: (() => void)[] = [];
  const clock = {
    ...adjustableClock(),
    sleep: () => new Promise<void>((resolve) => sleeping.push(resolve)),
  };
  const pool = createPool({
    ...{ hosts: parseServiceUrl(broker.url), tls: {}, authentication: null, clock, log: silentLog },
    signal: new AbortController().signal,
  });
  pools.push(pool);
  const later = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (const end of sleeping.splice(0)) end();
    await new Promise(setImmediate);
  };
  return { pool, commands, later };
}

const closedBy = ({ closedBy: reason }: Connection): string | null => reason?.message ?? null;

const consumer = {
  onMessage: () => undefined,
  onActiveChange: () => undefined,
  onEndOfTopic: () => undefined,
  onClosed: () => undefined,
  onTurnEnd: () => undefined,
};

test("what is asked of topics and schemas does not wait behind messages or what is published", async () => {
  const { pool, commands } = await scene();
  const lookup = createLookup(pool);
  const topic = "persistent://public/default/t";
  const consuming = await lookup.broker(topic, "consuming");
  const publishing = await lookup.broker(topic, "publishing");
  const { signal } = new AbortController();
  await createSchemas(pool, { clock: systemClock, log: silentLog, signal }).schema(topic, Buffer.alloc(8));
  assert.equal(commands.get(Command.LOOKUP), commands.get(Command.GET_SCHEMA));
  const subscribe = { topic, consumerId: 1, subscription: "s" };
  await consuming.request("subscribing", Command.SUBSCRIBE, c.subscribe, subscribe, c.success);
  assert.notEqual(commands.get(Command.SUBSCRIBE), commands.get(Command.LOOKUP));
  assert.notEqual(consuming, publishing);
  assert.equal(await lookup.broker(topic, "consuming"), consuming);
});

test("a connection that nobody uses is closed after a while, and one with a consumer is not", async () => {
  const { pool, later } = await scene();
  const asked = await pool.service();
  const used: Connection = await pool.broker(asked.address, false, "consuming");
  used.addConsumer(1, consumer);
  await later(160_000);
  assert.match(closedBy(asked) ?? "", /nobody uses it/);
  await later(160_000);
  assert.equal(closedBy(used), null);
  used.removeConsumer(1);
  await later(160_000);
  assert.match(closedBy(used) ?? "", /nobody uses it/);
  assert.equal(closedBy(await pool.service()), null);
});

test("a connection that is asked for again and again stays", async () => {
  const { pool, later } = await scene();
  const asked = await pool.service();
  for (let minute = 0; minute < 10; minute += 1) {
    await later(60_000);
    assert.equal(await pool.service(), asked);
  }
  assert.equal(closedBy(asked), null);
});
