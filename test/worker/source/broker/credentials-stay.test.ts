import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { tokenAuthentication } from "../../../../worker/source/broker/authentication.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { createAuthority } from "../../../env/certificates.ts";
import { type Answer, useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "../wire/receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();
const authentication = tokenAuthentication(async () => Buffer.from("s3cret-token"));
let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
let ca: Buffer;
let certificate: { readonly cert: Buffer; readonly key: Buffer };

before(async () => {
  folder = await mkdtempDisposable(join(tmpdir(), "credentials-"));
  const authority = await createAuthority(folder.path, "ec", "brokers");
  const issued = await authority.issue({ name: "broker", subject: "/CN=broker", names: ["IP:127.0.0.1"] });
  ca = await readFile(authority.certificate);
  certificate = { cert: await readFile(issued.certificate), key: await readFile(issued.key) };
});
after(() => folder.remove());

const sendsOnTo =
  (address: () => string, more: { readonly response?: number; readonly proxyThroughServiceUrl?: boolean }): Answer =>
  (command, body, { send }) => {
    if (command !== Command.LOOKUP) return false;
    const { requestId } = c.lookup.decode(body);
    const answer = { requestId, response: c.LookupResponse.Connect, brokerServiceUrlTls: address(), ...more };
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, answer);
    return true;
  };

for (const [response, name] of [
  [c.LookupResponse.Connect, "owner"],
  [c.LookupResponse.Redirect, "redirect"],
] as const) {
  test(`an encrypted connection that names a plain ${name} gets no token sent there`, async () => {
    const plain = await startBroker();
    const broker = await startBroker(
      sendsOnTo(() => plain.url, { response }),
      certificate,
    );
    const tls = { ca: async () => ca };
    const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication, tls });
    const gone = () => receiver.source.state().failure !== null || plain.commands.length > 0;
    await receiver.until("it fails, or goes there", gone);
    const { code, message } = receiver.source.state().failure ?? {};
    assert.equal(code, "TlsFailed", message);
    assert.match(message ?? "", new RegExp(`sends on to ${plain.url}, which is not encrypted: .*pulsar\\+ssl://`));
    assert.deepEqual(plain.commands, []);
  });
}

test("a host that the certificate does not name gets no token, whoever sent us there", async () => {
  const owner = await startBroker(undefined, certificate);
  const broker = await startBroker(
    sendsOnTo(() => owner.url.replace("127.0.0.1", "localhost"), {}),
    certificate,
  );
  const tls = { ca: async () => ca };
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication, tls });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  const { code, message } = receiver.source.state().failure ?? {};
  assert.equal(code, "TlsFailed", message);
  assert.deepEqual(owner.commands, []);
});

test("a proxy that takes TLS may name the plain address of a broker behind it", async () => {
  const proxy = await startBroker(
    sendsOnTo(() => "pulsar://broker-7:6650", { proxyThroughServiceUrl: true }),
    certificate,
  );
  const tls = { ca: async () => ca };
  const receiver = startReceiver({ serviceUrl: proxy.url, topics: [TOPIC], authentication, tls });
  await receiver.until("it is subscribed", () => receiver.source.state().connected);
});

/** Brokers that repeat what they were sent, each in another command. */
const REPEATING: Readonly<Record<string, (token: string) => Answer>> = {
  "refuses the connection":
    (token) =>
    (command, _body, { send }) => {
      if (command !== Command.CONNECT) return false;
      const message = `bad authData ${token}\u001b[2J`;
      send(Command.ERROR, c.error, { requestId: 2 ** 63, error: c.ServerError.AuthenticationError, message });
      return true;
    },
  "refuses a lookup":
    (token) =>
    (command, body, { send }) => {
      if (command !== Command.LOOKUP) return false;
      const { requestId } = c.lookup.decode(body);
      const refusal = { requestId, response: c.LookupResponse.Failed, error: c.ServerError.AuthorizationError };
      send(Command.LOOKUP_RESPONSE, c.lookupResponse, { ...refusal, message: Buffer.from(token).toString("base64") });
      return true;
    },
  "names an address":
    (token) =>
    (command, body, { send }) => {
      if (command !== Command.LOOKUP) return false;
      const { requestId } = c.lookup.decode(body);
      const answer = { requestId, response: c.LookupResponse.Connect, brokerServiceUrl: `pulsar://${token}:1` };
      send(Command.LOOKUP_RESPONSE, c.lookupResponse, answer);
      return true;
    },
  "refuses a subscription":
    (token) =>
    (command, body, { send }) => {
      if (command !== Command.SUBSCRIBE) return false;
      const { requestId } = c.subscribe.decode(body);
      send(Command.ERROR, c.error, { requestId, error: c.ServerError.ConsumerBusy, message: `Bearer ${token}` });
      return true;
    },
};

for (const [what, answer] of Object.entries(REPEATING)) {
  test(`a broker that ${what} and repeats the token brings it into no status`, async () => {
    const broker = await startBroker(answer("s3cret-token"));
    const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication });
    await receiver.until("it fails", () => receiver.source.state().failure !== null);
    const message = receiver.source.state().failure?.message ?? "";
    assert.match(message, /\(credentials\)/);
    assert.doesNotMatch(message, /s3cret|czNjcmV0/);
    assert.ok(!message.includes("\u001b"), "no escape sequence");
  });
}
