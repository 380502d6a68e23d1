import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { parseManifest } from "../../crds/validation/manifest.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createParts } from "../../worker/parts.ts";
import type { SourceState } from "../../worker/source/source.ts";
import { goodManifest, type Json, mergePatch } from "../crds/good-manifest.ts";
import { silentLog } from "../silent-log.ts";
import { PATIENCE_MS } from "../until.ts";
import { useBroker } from "./source/wire/broker-fixture.ts";

const STREAM = {
  name: "orders",
  arn: "arn:aws:kinesis:us-west-2:123456789012:stream/orders",
  status: "ACTIVE",
  openShards: 1,
  mode: "PROVISIONED",
  maxRecordBytes: 1_048_576,
  recordDistribution: "PARTITION_KEY",
} as const;

describe("a worker's source, made from a manifest,", { timeout: 900_000 }, () => {
  const broker = useBroker({ auth: { users: { ulla: "secret word" } }, tls: {} });

  /** The state once it is connected or has failed. */
  async function stateOf(pulsar: Json): Promise<SourceState> {
    const manifest = parseManifest(JSON.stringify(mergePatch(goodManifest, { spec: { pulsar } })));
    assert.ok(manifest.ok, JSON.stringify(manifest));
    const authority = await readFile(broker.pulsar.authority ?? "");
    const values: Readonly<Record<string, Uint8Array | string>> = {
      "pulsar/token": broker.pulsar.token("admin"),
      "pulsar/username": "ulla",
      "pulsar/password": "secret word",
      "pulsar/ca.crt": authority,
    };
    const parts = createParts({
      manifest: manifest.value,
      readKey: async ({ name, key }) => Buffer.from(values[`${name}/${key}`] ?? assert.fail(`${name}/${key}`)),
      privateKeys: () => assert.fail("no encryption is configured"),
      readInlineParam: async () => "",
      consumerName: "worker",
      memoryLimitBytes: 320 * 1024 * 1024,
      clock: systemClock,
      log: silentLog,
    });
    const { source, pipeline } = await parts.connect(STREAM);
    try {
      pipeline.start(source);
      const deadline = AbortSignal.timeout(PATIENCE_MS);
      for (;;) {
        const state = source.state();
        if (state.connected || state.failure !== null) return state;
        await systemClock.sleep(20, deadline);
      }
    } finally {
      pipeline.close();
      await source.close();
      parts.sink.close();
    }
  }

  test("proves who it is, over TLS with the given authority", async () => {
    await broker.admin("POST", "namespaces/public/default/permissions/ulla", ["consume"]);
    const tls = {
      serviceUrl: broker.pulsar.serviceUrlTls ?? "",
      tls: { ca: { secret: { name: "pulsar", key: "ca.crt" } } },
    };
    for (const auth of [
      { token: { name: "pulsar", key: "token" } },
      { basic: { name: "pulsar", usernameKey: "username", passwordKey: "password" } },
    ]) {
      assert.deepEqual((await stateOf({ ...tls, auth })).failure, null);
      assert.deepEqual((await stateOf({ serviceUrl: broker.pulsar.serviceUrl, auth })).failure, null);
    }
  });

  test("is refused without a proof, and refuses a certificate that nobody vouches for", async () => {
    const anonymous = await stateOf({ serviceUrl: broker.pulsar.serviceUrl });
    assert.equal(anonymous.failure?.code, "AuthenticationFailed", anonymous.failure?.message);
    const unknown = await stateOf({ serviceUrl: broker.pulsar.serviceUrlTls ?? "" });
    assert.equal(unknown.failure?.code, "TlsFailed", unknown.failure?.message);
  });
});
