import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { after, before, test } from "node:test";
import { type Pulsar, startPulsar } from "./pulsar/broker.ts";

const TENANTS = "/admin/v2/tenants";
const TOPICS = "/admin/v2/persistent/public/default";
let pulsar: Pulsar;

before(async () => {
  pulsar = await startPulsar({
    log: () => undefined,
    auth: { users: { admin: "right" } },
    tls: { clientCertificateRequired: true },
    config: { defaultNumPartitions: "3", allowAutoTopicCreationType: "partitioned" },
  });
});

after(() => pulsar.close());

async function admin(path: string, authorization: string, method = "GET"): Promise<Response> {
  return fetch(`${pulsar.adminUrl}${path}`, { method, headers: { authorization, "content-type": "application/json" } });
}

test("only a valid token of the administrator administers", async () => {
  assert.equal((await admin(TENANTS, `Bearer ${pulsar.token("admin")}`)).status, 200);
  assert.equal((await admin(TENANTS, `Bearer ${pulsar.token("someone")}`)).status, 401);
  assert.equal((await admin(TENANTS, `Bearer ${pulsar.token("admin", -60)}`)).status, 401);
  assert.equal((await fetch(`${pulsar.adminUrl}${TENANTS}`)).status, 401);
});

test("basic authentication knows the users given and their passwords", async () => {
  assert.equal((await admin(TENANTS, `Basic ${btoa("admin:right")}`)).status, 200);
  assert.equal((await admin(TENANTS, `Basic ${btoa("admin:wrong")}`)).status, 401);
});

test("the role of a client certificate is its common name, and TLS asks for one", async () => {
  const { certificate, key } = await pulsar.clientCertificate("admin");
  const files = await Promise.all([certificate, key].map((file) => readFile(file)));
  assert.equal(await overTls({ cert: files[0], key: files[1] }), 200);
  await assert.rejects(overTls({}), /certificate/);
});

async function overTls(client: { cert?: Buffer | undefined; key?: Buffer | undefined }): Promise<number | undefined> {
  const ca = await readFile(pulsar.authority ?? "");
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const call = request(`${pulsar.adminUrlTls}${TENANTS}`, { ca, ...client, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  call.on("error", reject).end();
  return promise;
}

test("a broker that is killed comes back with its data, at the same addresses", async () => {
  const authorization = `Bearer ${pulsar.token("admin")}`;
  const { serviceUrl, pid } = pulsar;
  assert.equal((await admin(`${TOPICS}/kept`, authorization, "PUT")).status, 204);
  await pulsar.kill("SIGKILL");
  assert.equal(pulsar.pid, undefined);
  await pulsar.start();
  assert.equal(pulsar.serviceUrl, serviceUrl);
  assert.notEqual(pulsar.pid, pid);
  assert.deepEqual(await (await admin(TOPICS, authorization)).json(), ["persistent://public/default/kept"]);
});
