import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { oauth2Authentication } from "../../../../worker/source/broker/oauth2.ts";
import { createAuthority } from "../../../env/certificates.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;

/** The origin of a server, which speaks TLS with a certificate. */
async function serve(
  t: TestContext,
  answer: RequestListener,
  certificate?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<string> {
  const server = certificate === undefined ? createServer(answer) : createTlsServer(certificate, answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http${certificate === undefined ? "" : "s"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An issuer whose token answer is padded with white space to so many bytes. */
async function issuer(t: TestContext, bytes: number): Promise<string> {
  const url: string = await serve(t, (request, response) => {
    const answer = request.method === "POST" ? { access_token: "token" } : { token_endpoint: `${url}/token` };
    const text = JSON.stringify(answer);
    response.end(request.method === "POST" ? text.padEnd(bytes) : text);
  });
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

test("the client secret is sent to no other address by a redirect, neither of the metadata nor of the token", async (t) => {
  for (const redirected of ["GET", "POST"]) {
    let stolen = 0;
    const thief = await serve(t, (_request, response) => {
      stolen += 1;
      response.end(JSON.stringify({ token_endpoint: `${thief}/token`, access_token: "forged" }));
    });
    const honest = await serve(t, (request, response) => {
      if (request.method === redirected) response.writeHead(307, { location: `${thief}${request.url}` }).end();
      else response.end(JSON.stringify({ token_endpoint: `${honest}/token` }));
    });
    await assert.rejects(() => authenticationOf(honest).credentials(never), {
      code: "AuthenticationFailed",
      message: /answered 307, a redirect, which is not followed.*check spec\.pulsar\.auth\.oauth2/,
    });
    assert.equal(stolen, 0, redirected);
  }
});

test("an encrypted issuer is trusted by spec.pulsar.tls.ca, and names no plain token endpoint", async (t) => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "issuer-"));
  const authority = await createAuthority(folder.path, "ec", "issuers");
  const { certificate, key } = await authority.issue({ name: "i", subject: "/CN=issuer", names: ["IP:127.0.0.1"] });
  const pair = { cert: await readFile(certificate), key: await readFile(key) };
  let posted = 0;
  const plain = await serve(t, (_request, response) => {
    posted += 1;
    response.end('{"access_token":"in clear"}');
  });
  let endpoint = "";
  const secure = await serve(
    t,
    (request, response) => {
      response.end(
        JSON.stringify(request.method === "POST" ? { access_token: "token" } : { token_endpoint: endpoint }),
      );
    },
    pair,
  );
  const ca = async () => await readFile(authority.certificate);
  const read = async () => Buffer.from('{"client_id":"me","client_secret":"s3cret"}');
  endpoint = `${secure}/token`;
  const trusting = oauth2Authentication({ issuerUrl: secure, read, ca });
  assert.equal(Buffer.from(await trusting.credentials(never)).toString(), "token");
  const distrusting = oauth2Authentication({ issuerUrl: secure, read });
  await assert.rejects(() => distrusting.credentials(never), { message: /cannot be reached \(.*certificate/ });
  trusting.refused?.();
  endpoint = `${plain}/token`;
  await assert.rejects(() => trusting.credentials(never), { message: /token_endpoint that is not encrypted/ });
  assert.equal(posted, 0);
});

test("a user or password in issuerUrl is refused and not repeated", async () => {
  const authentication = authenticationOf("https://admin:hunter22@issuer.example.com");
  await assert.rejects(
    () => authentication.credentials(never),
    (error: Error) =>
      /issuerUrl holds a user or a password/.test(error.message) && !/hunter22|admin/.test(error.message),
  );
});

test("an issuer that repeats the client secret brings it into no error", async (t) => {
  const issuerUrl: string = await serve(t, (request, response) => {
    if (request.method === "POST") response.writeHead(400, "s3cret").end("s3cret");
    else response.end(JSON.stringify({ token_endpoint: `${issuerUrl}/s3cret` }));
  });
  await assert.rejects(
    () => authenticationOf(issuerUrl).credentials(never),
    (error: Error) => /\(credentials\) answered 400/.test(error.message) && !error.message.includes("s3cret"),
  );
});
