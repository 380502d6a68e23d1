import assert from "node:assert/strict";
import { test } from "node:test";
import { useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "../wire/receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

test("a client certificate that is none is a failure of TLS, which says where to look", async () => {
  const broker = await startBroker();
  const clientCertificate = async () => ({ cert: Buffer.from("no PEM"), key: Buffer.from("no PEM either") });
  const receiver = startReceiver({
    serviceUrl: `pulsar+ssl://127.0.0.1:${broker.port}`,
    topics: [TOPIC],
    tls: { clientCertificate },
  });
  await receiver.until("it fails", () => receiver.source.state().failure !== null);
  const { code, message } = receiver.source.state().failure ?? {};
  assert.equal(code, "TlsFailed", message);
  assert.match(message ?? "", /spec\.pulsar\.tls/);
});
