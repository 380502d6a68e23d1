import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { tokenAuthentication } from "../../../../worker/source/broker/authentication.ts";
import { oauth2Authentication } from "../../../../worker/source/broker/oauth2.ts";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { useScriptedBrokers } from "../scripted-broker.ts";
import { useReceivers } from "../wire/receiver.ts";

const TOPIC = "persistent://public/default/t";
const startReceiver = useReceivers();
const startBroker = useScriptedBrokers();

test("a challenge at any time is answered with fresh credentials", async () => {
  const tokens: string[] = [];
  const broker = await startBroker((command, body, { send }) => {
    if (command === Command.CONNECT) tokens.push(String(c.connect.decode(body).authData));
    if (command === Command.SUBSCRIBE)
      send(Command.AUTH_CHALLENGE, c.authChallenge, { challenge: { method: "token" } });
    if (command === Command.AUTH_RESPONSE) tokens.push(String(c.authResponse.decode(body).response?.data));
    return false;
  });
  let count = 0;
  const authentication = tokenAuthentication(async () => Buffer.from(`token-${count++}`));
  const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication });
  await receiver.until("it was answered", () => tokens.length >= 2);
  assert.deepEqual(tokens.at(-1), `token-${count - 1}`);
  assert.equal(receiver.source.state().failure, null);
});

test("an access token that the broker refuses is asked for anew, though it has not expired", async () => {
  let tokens = 0;
  const issuer = createServer((request, response) => {
    if (request.method === "POST") tokens += 1;
    const address = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const answer = { token_endpoint: `${address}/token`, access_token: `token-${tokens}`, expires_in: 86_400 };
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  const broker = await startBroker((command, body, { send }) => {
    if (command !== Command.CONNECT || String(c.connect.decode(body).authData) !== "token-1") return false;
    const refusal = { requestId: 2 ** 63, error: c.ServerError.AuthenticationError, message: "unknown signature" };
    send(Command.ERROR, c.error, refusal);
    return true;
  });
  try {
    const issuerUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const read = async () => Buffer.from(JSON.stringify({ client_id: "me", client_secret: "s3cret" }));
    const authentication = oauth2Authentication({ issuerUrl, read });
    const receiver = startReceiver({ serviceUrl: broker.url, topics: [TOPIC], authentication });
    await receiver.until("it is subscribed", () => receiver.source.state().connected);
    assert.equal(tokens, 2);
  } finally {
    issuer.close();
  }
});
