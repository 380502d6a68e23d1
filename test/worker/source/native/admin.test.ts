import assert from "node:assert/strict";
import { test } from "node:test";
import { createActiveCheck, createSchemaVersions } from "../../../../worker/source/native/admin.ts";
import { readMessages } from "../../../../worker/source/native/message.ts";
import type { NativeAdmin } from "../../../../worker/source/options.ts";
import type { SchemaInfo } from "../../../../worker/source/source.ts";
import { nativeMessage } from "./script.ts";

const signal = new AbortController().signal;
const TOPIC = "persistent://public/default/a/b-partition-2";
const version = (number: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(number, 7);
  return bytes;
};
const entries = (...numbers: number[]) =>
  readMessages(
    numbers.map((number) => nativeMessage(number)),
    null,
  ).pieces.map(({ entry }) => entry);

function versions(options: { latest?: () => Promise<Buffer | null>; admin?: NativeAdmin | null; schema?: SchemaInfo }) {
  return createSchemaVersions({
    latest: options.latest ?? (async () => null),
    schemas: { schema: async () => options.schema ?? null },
    admin: options.admin ?? null,
  });
}

test("without a schema, and with one version, the admin API is not asked", async () => {
  const found = entries(6, 7);
  await versions({}).assign(TOPIC, found, signal);
  assert.deepEqual(
    found.map(({ schemaVersion }) => schemaVersion),
    [null, null],
  );
  await versions({ latest: async () => version(0) }).assign(TOPIC, found, signal);
  assert.deepEqual(
    found.map(({ schemaVersion }) => schemaVersion),
    [version(0), version(0)],
  );
});

test("with more versions the admin API tells that of each entry", async () => {
  const asked: string[] = [];
  const admin: NativeAdmin = {
    get: () => Promise.reject(new Error("not asked")),
    async header(path, name) {
      asked.push(`${name} ${path}`);
      return path.endsWith("/6") ? version(1).toString("base64") : null;
    },
  };
  const found = entries(6, 7);
  await versions({ latest: async () => version(3), admin }).assign(TOPIC, found, signal);
  assert.deepEqual(
    found.map(({ schemaVersion }) => schemaVersion),
    [version(1), null],
  );
  const path = "/admin/v2/persistent/public/default/a%2Fb-partition-2/ledger/5/entry";
  assert.deepEqual(asked, [`x-pulsar-base64-schema-version ${path}/6`, `x-pulsar-base64-schema-version ${path}/7`]);
});

test("with more versions and no admin API it says what to set", async () => {
  await assert.rejects(versions({ latest: async () => version(1) }).assign(TOPIC, entries(6), signal), {
    code: "AdminUrlMissing",
    message: /a\/b has several schema versions.*set spec.pulsar.adminUrl, or spec.pulsar.client to Wire/,
  });
});

test("separated keys are base64", async () => {
  for (const [encoding, expected] of [
    ["SEPARATED", true],
    ["INLINE", false],
  ] as const) {
    const properties = new Map([["kv.encoding.type", encoding]]);
    const found = entries(6);
    const schema = { type: "KEY_VALUE", data: Buffer.alloc(0), properties };
    await versions({ latest: async () => version(0), schema }).assign(TOPIC, found, signal);
    assert.equal(found[0]?.keysAreBase64, expected);
  }
});

test("deliveries share a question for the latest version, but only one that was asked after they came", async () => {
  const answers: PromiseWithResolvers<Buffer | null>[] = [];
  const latest = (): Promise<Buffer | null> => {
    const answer = Promise.withResolvers<Buffer | null>();
    answers.push(answer);
    return answer.promise;
  };
  const tested = versions({ latest });
  const [a, b, c] = [entries(6), entries(7), entries(8)];
  const first = tested.assign(TOPIC, a, signal);
  const later = [
    tested.assign("persistent://public/default/a/b-partition-0", b, signal),
    tested.assign(TOPIC, c, signal),
  ];
  assert.equal(answers.length, 1);
  answers[0]?.resolve(null);
  await first;
  await new Promise(setImmediate);
  assert.equal(answers.length, 2);
  answers[1]?.resolve(version(0));
  await Promise.all(later);
  assert.deepEqual(
    [a, b, c].map(([entry]) => entry?.schemaVersion),
    [null, version(0), version(0)],
  );
});

test("the active consumer is the one that the topic's statistics name", async () => {
  let path = "";
  const admin = (activeConsumerName: string): NativeAdmin => ({
    async get(asked) {
      path = asked;
      return { subscriptions: { s: { activeConsumerName } } };
    },
    header: () => Promise.reject(new Error("not asked")),
  });
  assert.equal(await createActiveCheck(admin("me"), "s", "me")(TOPIC, signal), true);
  assert.equal(await createActiveCheck(admin("other"), "s", "me")(TOPIC, signal), false);
  assert.equal(await createActiveCheck(admin("me"), "another", "me")(TOPIC, signal), false);
  assert.equal(path, "/admin/v2/persistent/public/default/a%2Fb-partition-2/stats");
});
