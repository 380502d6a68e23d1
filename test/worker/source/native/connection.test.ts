import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import type { NativeClientConfig, NativeModule } from "../../../../worker/source/native/client.ts";
import { createNativeConnection } from "../../../../worker/source/native/connection.ts";
import { silentLog } from "../../../silent-log.ts";

const serviceUrl = "pulsar+ssl://broker:6651";

/** The library as far as clients are made; what it is given is written down. */
function scriptedModule() {
  const configs: NativeClientConfig[] = [];
  let closed = 0;
  const module = {
    Client: class {
      constructor(config: NativeClientConfig) {
        configs.push(config);
      }
      async close(): Promise<void> {
        closed += 1;
      }
    },
    AuthenticationBasic: class {
      readonly basic: object;
      constructor(params: object) {
        this.basic = params;
      }
    },
    AuthenticationTls: class {
      readonly tls: object;
      constructor(params: object) {
        this.tls = params;
      }
    },
    AuthenticationToken: class {
      readonly token: () => Promise<string>;
      constructor(params: { token: () => Promise<string> }) {
        this.token = params.token;
      }
    },
  } as unknown as NativeModule;
  return { module, configs, closed: () => closed };
}

test("without options a client has its address, and no files are made", async () => {
  const { module, configs, closed } = scriptedModule();
  const connection = createNativeConnection(module, { serviceUrl, log: silentLog }, () => undefined);
  assert.equal(await connection.client(), await connection.client());
  const [{ log: _, ...config } = assert.fail(), ...others] = configs;
  assert.deepEqual(others, []);
  assert.deepEqual(config, {
    serviceUrl,
    operationTimeoutSeconds: 15,
    tlsAllowInsecureConnection: false,
    tlsValidateHostname: true,
  });
  await connection.close();
  assert.equal(closed(), 1);
});

test("certificates are files for this user alone, replaced when they change, and gone in the end", async () => {
  const { module, configs } = scriptedModule();
  let certificate = "first";
  const tls = {
    ca: async () => Buffer.from("authority"),
    clientCertificate: async () => ({ cert: Buffer.from(certificate), key: Buffer.from("key") }),
    allowInsecure: true,
    verifyHostname: false,
  };
  const connection = createNativeConnection(module, { serviceUrl, tls, log: silentLog }, () => undefined);
  await connection.client();
  const [config = assert.fail()] = configs;
  const { tlsTrustCertsFilePath: ca = "", tlsCertificateFilePath: file = "", tlsPrivateKeyFilePath: key = "" } = config;
  assert.deepEqual(
    [ca, file, key].map((path) => readFileSync(path, "utf8")),
    ["authority", "first", "key"],
  );
  assert.deepEqual(
    [ca, file, key].map((path) => statSync(path).mode & 0o777),
    [0o600, 0o600, 0o600],
  );
  assert.deepEqual([config.tlsAllowInsecureConnection, config.tlsValidateHostname], [true, false]);
  assert.deepEqual({ ...config.authentication }, { tls: { certificatePath: file, privateKeyPath: key } });
  certificate = "second";
  await connection.client();
  assert.equal(configs.length, 1);
  assert.equal(readFileSync(file, "utf8"), "second");
  await connection.close();
  assert.equal(existsSync(dirname(file)), false);
});

test("a new password is another client; the old one lasts as long as the connection", async () => {
  const { module, configs, closed } = scriptedModule();
  let password = "user:one:two";
  const authentication = { method: "basic", credentials: async () => Buffer.from(password) };
  const connection = createNativeConnection(module, { serviceUrl, authentication, log: silentLog }, () => undefined);
  const first = await connection.client();
  assert.equal(await connection.client(), first);
  password = "user:three";
  assert.notEqual(await connection.client(), first);
  assert.deepEqual(
    configs.map((config) => ({ ...config.authentication })),
    [{ basic: { username: "user", password: "one:two" } }, { basic: { username: "user", password: "three" } }],
  );
  assert.equal(closed(), 0);
  await connection.close();
  assert.equal(closed(), 2);
});

test("a token is asked for anew whenever the library wants one", async () => {
  const { module, configs } = scriptedModule();
  let count = 0;
  const authentication = { method: "token", credentials: async () => Buffer.from(`token ${++count}`) };
  const connection = createNativeConnection(module, { serviceUrl, authentication, log: silentLog }, () => undefined);
  await connection.client();
  const [config = assert.fail()] = configs;
  const { token } = config.authentication as { token: () => Promise<string> };
  assert.deepEqual([await token(), await token()], ["token 2", "token 3"]);
  await connection.close();
});

test("what the library writes of a lost broker names the topic", async () => {
  const { module, configs } = scriptedModule();
  const lost: string[] = [];
  const connection = createNativeConnection(module, { serviceUrl, log: silentLog }, (topic) => lost.push(topic));
  await connection.client();
  const log = configs[0]?.log ?? assert.fail();
  log(1, "f", 1, "[persistent://public/default/a, s, 0] Schedule reconnection in 0.1 s");
  log(1, "f", 1, "[persistent://public/default/b, s, 1] Broker notification of Closed consumer: 1");
  log(3, "f", 1, "[persistent://public/default/c, s, 1] something else");
  assert.deepEqual(lost, ["persistent://public/default/a", "persistent://public/default/b"]);
  await connection.close();
});
