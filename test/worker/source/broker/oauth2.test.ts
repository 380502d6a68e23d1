import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { oauth2Authentication } from "../../../../worker/source/broker/authentication.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;

/** An issuer whose token answer is padded with white space to so many bytes. */
async function issuer(t: TestContext, bytes: number): Promise<string> {
  const server = createServer((request, response) => {
    const answer = request.method === "POST" ? { access_token: "token" } : { token_endpoint: `${url}/token` };
    const text = JSON.stringify(answer);
    response.end(request.method === "POST" ? text.padEnd(bytes) : text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return url;
}

const authenticationOf = (issuerUrl: string) =>
  oauth2Authentication({ issuerUrl, read: async () => Buffer.from('{"client_id":"me","client_secret":"s3cret"}') });

test("an OAuth2 answer of 1 MiB is read", async (t) => {
  const authentication = authenticationOf(await issuer(t, MIB));
  assert.equal(Buffer.from(await authentication.credentials(never)).toString(), "token");
});

test("an OAuth2 answer of more than 1 MiB is refused, however large an issuer makes it", async (t) => {
  const authentication = authenticationOf(await issuer(t, MIB + 1));
  await assert.rejects(() => authentication.credentials(never), {
    code: "AuthenticationFailed",
    message: /larger than 1048576 bytes.*spec\.pulsar\.auth\.oauth2/,
  });
});
