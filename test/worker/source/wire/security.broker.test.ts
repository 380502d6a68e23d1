import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import {
  basicAuthentication,
  certificateAuthentication,
  tokenAuthentication,
} from "../../../../worker/source/broker/authentication.ts";
import { oauth2Authentication } from "../../../../worker/source/broker/oauth2.ts";
import { useBroker } from "./broker-fixture.ts";
import { createPublisher, type Publisher } from "./publisher.ts";
import { type Receiver, type ReceiverOptions, useReceivers } from "./receiver.ts";

const read = (text: string) => async () => Buffer.from(text);

describe("authentication and TLS at a broker", { timeout: 900_000 }, () => {
  const broker = useBroker({
    auth: { users: { ulla: "secret word" } },
    tls: {},
    // how long a client has to answer when its token has expired
    config: { authenticationRefreshCheckSeconds: "4" },
  });
  const startReceiver = useReceivers();
  const topic = "persistent://public/default/secured";
  let publisher: Publisher;
  let ca: { readonly ca: () => Promise<Uint8Array> };

  before(async () => {
    const authority = broker.pulsar.authority ?? "";
    ca = { ca: () => readFile(authority) };
    for (const role of ["worker", "ulla"]) {
      await broker.admin("POST", `namespaces/public/default/permissions/${role}`, ["consume", "produce"]);
    }
    publisher = createPublisher(broker.pulsar.serviceUrl, tokenAuthentication(read(broker.pulsar.token("admin"))));
    await publisher.single(topic, Buffer.from("secret"));
  });
  after(() => publisher.close());

  const start = (options: Partial<ReceiverOptions>): Receiver =>
    startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic], ...options });
  const startTls = (options: Partial<ReceiverOptions>): Receiver =>
    start({ serviceUrl: broker.pulsar.serviceUrlTls ?? "", tls: ca, ...options });
  const failure = async (receiver: Receiver): Promise<{ readonly code: string; readonly message: string }> => {
    await receiver.until("it fails", () => receiver.source.state().failure !== null);
    const found = receiver.source.state().failure;
    assert.ok(found);
    return found;
  };

  test("a token, with the line end of its file", async () => {
    const receiver = start({ authentication: tokenAuthentication(read(`${broker.pulsar.token("worker")}\n`)) });
    await receiver.received(1);
  });

  test("a token that expires is replaced on the connection, without a new subscription", async () => {
    let asked = 0;
    const authentication = tokenAuthentication(async () => {
      asked += 1;
      return Buffer.from(broker.pulsar.token("worker", 3));
    });
    const receiver = start({ authentication });
    await receiver.received(1);
    const before = asked;
    await receiver.until("the broker has asked for another", () => asked > before);
    await publisher.single(topic, Buffer.from("after the refresh"));
    await receiver.received(2);
    assert.equal(receiver.assignments.length, 1);
    assert.ok(receiver.assignments[0]?.active);
  });

  test("user and password", async () => {
    const receiver = start({ authentication: basicAuthentication(read("ulla\n"), read("secret word\n")) });
    await receiver.received(1);
  });

  test("a wrong token is told of, without the token, and its replacement is picked up", async () => {
    let token = "not.a.token";
    const receiver = start({ authentication: tokenAuthentication(async () => Buffer.from(token)) });
    const { code, message } = await failure(receiver);
    assert.equal(code, "AuthenticationFailed", message);
    assert.ok(!message.includes(token), message);
    token = broker.pulsar.token("worker");
    await receiver.received(1);
    assert.equal(receiver.source.state().failure, null);
  });

  test("a wrong password, and no credentials at all", async () => {
    const wrong = start({ authentication: basicAuthentication(read("ulla"), read("guess")) });
    assert.equal((await failure(wrong)).code, "AuthenticationFailed");
    assert.equal((await failure(start({}))).code, "AuthenticationFailed");
  });

  test("a role without permission", async () => {
    const receiver = start({ authentication: tokenAuthentication(read(broker.pulsar.token("stranger"))) });
    const { code, message } = await failure(receiver);
    assert.equal(code, "AuthorizationFailed", message);
  });

  test("a Secret that is missing", async () => {
    const missing = Object.assign(new Error("Secret pulsar does not exist: create it"), { code: "SecretMissing" });
    const receiver = start({ authentication: tokenAuthentication(() => Promise.reject(missing)) });
    assert.deepEqual(await failure(receiver), { code: "SecretMissing", message: missing.message });
  });

  test("TLS with the authority's certificate", async () => {
    const receiver = startTls({ authentication: tokenAuthentication(read(broker.pulsar.token("worker"))) });
    await receiver.received(1);
  });

  test("a client certificate", async () => {
    const { certificate, key } = await broker.pulsar.clientCertificate("worker");
    const clientCertificate = async () => ({ cert: await readFile(certificate), key: await readFile(key) });
    const receiver = startTls({ tls: { ...ca, clientCertificate }, authentication: certificateAuthentication() });
    await receiver.received(1);
  });

  test("an authority that is not trusted, unless told to trust anybody", async () => {
    const authentication = tokenAuthentication(read(broker.pulsar.token("worker")));
    const { code, message } = await failure(startTls({ authentication, tls: {} }));
    assert.equal(code, "TlsFailed", message);
    assert.match(message, /spec\.pulsar\.tls/);
    await startTls({ authentication, tls: { allowInsecure: true } }).received(1);
  });

  test("a host name that is not the certificate's, unless told not to check", async () => {
    const authentication = tokenAuthentication(read(broker.pulsar.token("worker")));
    const serviceUrl = `pulsar+ssl://127.0.0.2:${broker.pulsar.ports.brokerTls}`;
    const lookup = startTls({ authentication, serviceUrl });
    const { code } = await failure(lookup);
    assert.ok(code === "TlsFailed" || code === "BrokerUnreachable", code);
  });

  test("a plain service URL at a TLS port ends in a clear failure", async () => {
    const { code, message } = await failure(
      start({ serviceUrl: `pulsar://127.0.0.1:${broker.pulsar.ports.brokerTls}` }),
    );
    assert.ok(code === "BrokerUnreachable" || code === "ProtocolError", code);
    assert.match(message, /127\.0\.0\.1/);
  });

  describe("OAuth2", () => {
    const requests: URLSearchParams[] = [];
    let issuer: Server;
    let issuerUrl = "";

    before(async () => {
      issuer = createServer(async (request, response) => {
        if (request.url === "/.well-known/openid-configuration") {
          response.end(JSON.stringify({ token_endpoint: `${issuerUrl}/token` }));
          return;
        }
        const chunks = await request.toArray();
        const form = new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
        requests.push(form);
        response.statusCode = form.get("client_secret") === "s3cret" ? 200 : 401;
        response.end(JSON.stringify({ access_token: broker.pulsar.token("worker", 60), expires_in: 60 }));
      });
      await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
      issuerUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    });
    after(() => new Promise((resolve) => issuer.close(resolve)));

    test("client credentials become an access token, asked for once for all connections", async () => {
      const key = JSON.stringify({ type: "client_credentials", client_id: "me", client_secret: "s3cret" });
      const authentication = oauth2Authentication({ issuerUrl, audience: "urn:pulsar", scope: "a b", read: read(key) });
      const receiver = start({ authentication });
      await receiver.received(1);
      assert.equal(requests.length, 1);
      assert.deepEqual(Object.fromEntries(requests[0] ?? []), {
        grant_type: "client_credentials",
        client_id: "me",
        client_secret: "s3cret",
        audience: "urn:pulsar",
        scope: "a b",
      });
    });

    test("refused credentials are told of, without the secret", async () => {
      const key = JSON.stringify({ client_id: "me", client_secret: "wr0ng" });
      const receiver = start({ authentication: oauth2Authentication({ issuerUrl, read: read(key) }) });
      const { code, message } = await failure(receiver);
      assert.equal(code, "AuthenticationFailed");
      assert.match(message, /401/);
      assert.ok(!message.includes("wr0ng"));
    });
  });
});
