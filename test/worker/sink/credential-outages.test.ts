/** Credentials that still work are used while nobody can be asked for newer ones. */
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../../runtime/clock.ts";
import { type CredentialsOptions, createCredentials } from "../../../worker/sink/credentials.ts";
import { adjustableClock, createVirtualClock } from "../../clock.ts";
import { startFakeKinesis } from "../../fakes/kinesis.ts";

const KEYS = '{"accessKey":"first","secretKey":"s"}';
const ROLE = '{"roleArn":"arn:r","roleSessionName":"s"}';
const LIFE_MS = 3_600_000;

function options(change: Partial<CredentialsOptions> = {}): CredentialsOptions {
  return {
    pluginName: "",
    readParam: async () => KEYS,
    region: "eu-central-1",
    stsEndpoint: undefined,
    stsPort: undefined,
    connectTimeout: 5_000,
    requestTimeout: 60_000,
    clock: systemClock,
    ...change,
  };
}

/** An STS that answers, refuses or keeps silent. */
const sts = { url: "", calls: 0, refuses: "", silent: false };
const open = new Set<ServerResponse>();
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    sts.calls += 1;
    const action = new URLSearchParams(Buffer.concat(chunks).toString()).get("Action");
    response.setHeader("content-type", "text/xml");
    if (sts.silent) {
      open.add(response);
      return;
    }
    if (sts.refuses !== "") {
      response.statusCode = 400;
      response.end(`<ErrorResponse><Error><Code>${sts.refuses}</Code><Message>no</Message></Error></ErrorResponse>`);
      return;
    }
    const expiration = new Date(Date.now() + LIFE_MS).toISOString();
    response.end(
      `<${action}Response><${action}Result><Credentials><AccessKeyId>key-${sts.calls}</AccessKeyId>` +
        `<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${expiration}</Expiration>` +
        `</Credentials></${action}Result></${action}Response>`,
    );
  });
});
const environment = { ...process.env };

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  sts.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  Object.assign(sts, { calls: 0, refuses: "", silent: false });
  Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: "true", AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" });
});
after(() => {
  process.env = environment;
  server.closeAllConnections();
  server.close();
});

describe("a role that is to be assumed anew in five minutes", () => {
  async function assumed() {
    const clock = adjustableClock();
    const credentials = createCredentials(
      options({
        pluginName: "org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin",
        readParam: async () => ROLE,
        stsEndpoint: sts.url,
        clock,
      }),
    );
    assert.equal((await credentials.resolve()).accessKeyId, "key-1");
    clock.advance(LIFE_MS - 200_000);
    return { credentials, clock };
  }

  test("is used on while STS is silent, and its answer is taken when it comes", async () => {
    const { credentials } = await assumed();
    sts.silent = true;
    assert.equal((await credentials.resolve()).accessKeyId, "key-1");
    const since = performance.now();
    for (let count = 0; count < 100; count += 1) assert.equal((await credentials.resolve()).accessKeyId, "key-1");
    assert.ok(performance.now() - since < 20_000, "many requests do not wait one by one");
    assert.equal(sts.calls, 2);
    sts.silent = false;
    for (const response of open) response.destroy();
    // It is asked a second time, since the connection broke.
    while ((await credentials.resolve()).accessKeyId === "key-1") await delay(50);
  });

  test("is used on while STS throttles, which is asked again after some seconds, not for each request", async () => {
    const { credentials, clock } = await assumed();
    sts.refuses = "Throttling";
    assert.equal((await credentials.resolve()).accessKeyId, "key-1");
    const { calls } = sts;
    for (let count = 0; count < 10; count += 1) assert.equal((await credentials.resolve()).accessKeyId, "key-1");
    assert.equal(sts.calls, calls);
    clock.advance(5_000);
    sts.refuses = "";
    assert.notEqual((await credentials.resolve()).accessKeyId, "key-1");
  });

  test("is no longer used once STS refuses it, nor once it expired", async () => {
    const refused = await assumed();
    sts.refuses = "AccessDenied";
    await assert.rejects(() => refused.credentials.resolve(), { code: "AssumeRoleFailed" });
    Object.assign(sts, { calls: 0, refuses: "" });
    const expired = await assumed();
    sts.refuses = "Throttling";
    expired.clock.advance(200_001);
    await assert.rejects(() => expired.credentials.resolve(), { class: "throttled" });
  });
});

test("an inline parameter is used on while the API server cannot be asked", async () => {
  const clock = adjustableClock();
  let unreachable = false;
  const readParam = async (): Promise<string> => {
    if (unreachable) throw Object.assign(new Error("no answer"), { name: "KubernetesError", status: 0 });
    return KEYS;
  };
  const credentials = createCredentials(options({ readParam, clock }));
  await credentials.resolve();
  unreachable = true;
  clock.advance(60_000);
  assert.equal((await credentials.resolve()).accessKeyId, "first");
  const fresh = createCredentials(options({ readParam, clock }));
  await assert.rejects(() => fresh.resolve(), {
    code: "CredentialsMissing",
    message: /cannot be read \(KubernetesError\)/,
  });
});

test("a source that never answers is asked anew after a while", async () => {
  const clock = createVirtualClock();
  let reads = 0;
  const readParam = (): Promise<string> => {
    reads += 1;
    return reads === 1 ? new Promise(() => {}) : Promise.resolve(KEYS);
  };
  const credentials = createCredentials(options({ readParam, clock, requestTimeout: 6_000 }));
  const first = assert.rejects(() => credentials.resolve(), { code: "CredentialsMissing" });
  await clock.advance(30_000);
  await first;
  await clock.advance(1_000);
  assert.equal((await credentials.resolve()).accessKeyId, "first");
});

test("a source that fails is not asked for every request", async () => {
  let [now, reads] = [0, 0];
  const readParam = async (): Promise<string> => {
    reads += 1;
    throw Object.assign(new Error("gone"), { code: "SecretMissing" });
  };
  const credentials = createCredentials(options({ readParam, clock: { ...systemClock, now: () => now } }));
  for (let count = 0; count < 10; count += 1) {
    await assert.rejects(() => credentials.resolve(), { code: "SecretMissing" });
  }
  assert.equal(reads, 1);
  now += 2_000;
  await assert.rejects(() => credentials.resolve());
  assert.equal(reads, 2);
});

describe("STS", () => {
  const pluginName = "org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin";
  const readParam = async (): Promise<string> => ROLE;

  test("that keeps silent is given up after requestTimeout", async () => {
    sts.silent = true;
    const credentials = createCredentials(
      options({ pluginName, readParam, stsEndpoint: sts.url, requestTimeout: 200 }),
    );
    const since = performance.now();
    await assert.rejects(() => credentials.resolve(), { class: "transient", message: /^STS .* cannot be asked/ });
    assert.ok(performance.now() - since < 20_000);
  });

  test("with a certificate that nobody vouches for is not asked: skipCertificateValidation is awsEndpoint's", async () => {
    const fake = await startFakeKinesis({ tls: true });
    try {
      const asked = options({ pluginName, readParam, stsEndpoint: fake.tlsUrl });
      await assert.rejects(() => createCredentials(asked).resolve(), { code: "TlsFailed" });
      const ca = async () => Buffer.from(fake.tlsAuthority);
      const answered = createCredentials({ ...asked, ca }).resolve();
      await assert.rejects(
        () => answered,
        ({ code }: { code?: string }) => code !== "TlsFailed",
      );
    } finally {
      await fake.close();
    }
  });
});

describe("the default chain", () => {
  const pluginName = "org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin";

  function webIdentity(tokenFile: string): void {
    delete process.env["AWS_ACCESS_KEY_ID"];
    Object.assign(process.env, {
      AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
      AWS_ROLE_ARN: "arn:aws:iam::1:role/pod",
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_REGION: "eu-central-1",
    });
  }

  test("whose web identity STS refuses says so, and where to look", async () => {
    webIdentity(import.meta.filename);
    sts.refuses = "AccessDenied";
    await assert.rejects(() => createCredentials(options({ pluginName })).resolve(), {
      code: "AssumeRoleFailed",
      class: "notReady",
      message: /STS refuses the pod's own identity \(AccessDenied\).*trust policy/,
    });
  });

  test("whose STS cannot be reached says so, and is not taken for empty", async () => {
    webIdentity(import.meta.filename);
    process.env["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1";
    await assert.rejects(() => createCredentials(options({ pluginName })).resolve(), {
      code: "EndpointUnreachable",
      class: "transient",
      message: /ECONNREFUSED.*way to STS/,
    });
  });

  test("whose STS keeps silent is asked anew after a while", async () => {
    webIdentity(import.meta.filename);
    sts.silent = true;
    // A hundred times as fast.
    const clock = { ...systemClock, timer: (ms: number, run: () => void) => systemClock.timer(ms / 100, run) };
    const credentials = createCredentials(options({ pluginName, clock, requestTimeout: 6_000 }));
    await assert.rejects(() => credentials.resolve(), { code: "CredentialsMissing", message: /came within/ });
    sts.silent = false;
    await delay(1_100);
    assert.match((await credentials.resolve()).accessKeyId, /^key-/);
  });

  test("whose token file is missing names what is in the way", async () => {
    webIdentity("/nowhere/token");
    await assert.rejects(() => createCredentials(options({ pluginName })).resolve(), {
      code: "CredentialsMissing",
      message: /\(ENOENT\).*IRSA/,
    });
  });
});
