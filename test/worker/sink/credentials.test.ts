import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { systemClock } from "../../../runtime/clock.ts";
import { type CredentialsOptions, createCredentials } from "../../../worker/sink/credentials.ts";
import { SinkError } from "../../../worker/sink/sink.ts";
import { adjustableClock } from "../../clock.ts";

const KEYS = '{"accessKey":"AKIAEXAMPLE","secretKey":"hidden-secret"}';
const CHAINS = [
  "org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin",
  "org.apache.pulsar.io.aws.AwsDefaultProviderChainPlugin",
];
const ROLES = [
  "org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin",
  "org.apache.pulsar.io.aws.STSAssumeRoleProviderPlugin",
];

function options(change: Partial<CredentialsOptions> = {}): CredentialsOptions {
  return {
    pluginName: "",
    readParam: async () => KEYS,
    region: "eu-central-1",
    stsEndpoint: undefined,
    stsPort: undefined,
    connectTimeout: 1000,
    requestTimeout: 1000,
    clock: systemClock,
    ...change,
  };
}

async function failure(work: () => Promise<unknown>): Promise<SinkError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof SinkError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "it did not fail" });
}

test("static keys are taken from the parameter", async () => {
  assert.deepEqual(await createCredentials(options()).resolve(), {
    accessKeyId: "AKIAEXAMPLE",
    secretAccessKey: "hidden-secret",
  });
  const withToken = '{"accessKey":" a ","secretKey":"b\\n","sessionToken":"c"}';
  assert.deepEqual(await createCredentials(options({ readParam: async () => withToken })).resolve(), {
    accessKeyId: "a",
    secretAccessKey: "b",
    sessionToken: "c",
  });
});

const badKeys: readonly [param: string, message: RegExp][] = [
  ["", /awsCredentialPluginParam is empty/],
  ["hidden-secret", /not valid JSON/],
  ['{"accessKey":"hidden-secret"', /not valid JSON/],
  ['["hidden-secret"]', /not a JSON object/],
  ["null", /not a JSON object/],
  ["{}", /has no accessKey/],
  ['{"accessKey":"  ","secretKey":"hidden-secret"}', /has no accessKey/],
  ['{"accessKey":"hidden-secret"}', /has no secretKey/],
  ['{"accessKey":"hidden-secret","secretKey":null}', /has no secretKey/],
  ['{"accessKey":"hidden-secret","secretKey":7}', /secretKey must be a string/],
];

for (const [param, message] of badKeys) {
  test(`the parameter ${param.replaceAll("hidden-secret", "…")} is refused without being quoted`, async () => {
    const error = await failure(() => createCredentials(options({ readParam: async () => param })).resolve());
    assert.match(error.message, message);
    assert.match(error.message, /"accessKey":"…","secretKey":"…"|must be a string/);
    assert.doesNotMatch(error.message + String(error.stack), /hidden-secret/);
    assert.equal(error.class, "notReady");
    assert.equal(error.ambiguous, false);
  });
}

test("another class name is refused, and the error names the three ways", async () => {
  const error = await failure(() => createCredentials(options({ pluginName: "com.example.MyPlugin" })).resolve());
  assert.match(error.message, /empty.*AwsDefaultProviderChainPlugin.*STSAssumeRoleProviderPlugin/);
});

test("a missing Secret or key is passed on with its own words", async () => {
  for (const code of ["SecretMissing", "SecretKeyMissing"]) {
    const message = "Secret aws has no key param: add it";
    const readParam = () => Promise.reject(Object.assign(new Error(message), { code }));
    const error = await failure(() => createCredentials(options({ readParam })).resolve());
    assert.deepEqual([error.code, error.message, error.class], [code, message, "notReady"]);
  }
});

test("a rotated parameter is picked up within seconds, without reading it for every request", async () => {
  const clock = adjustableClock();
  let [param, reads] = [KEYS, 0];
  const readParam = async (): Promise<string> => {
    reads += 1;
    return param;
  };
  const credentials = createCredentials(options({ readParam, clock }));
  for (let request = 0; request < 100; request++) await credentials.resolve();
  assert.equal(reads, 1);
  param = '{"accessKey":"second","secretKey":"b"}';
  assert.equal((await credentials.resolve()).accessKeyId, "AKIAEXAMPLE");
  clock.advance(5_000);
  assert.equal((await credentials.resolve()).accessKeyId, "second");
});

test("after a refusal by the service the parameter is read at once, and once for many refusals", async () => {
  let [param, reads] = [KEYS, 0];
  const readParam = async (): Promise<string> => {
    reads += 1;
    return param;
  };
  const credentials = createCredentials(options({ readParam }));
  const used = await credentials.resolve();
  param = '{"accessKey":"second","secretKey":"b"}';
  credentials.refresh(used);
  assert.equal((await credentials.resolve()).accessKeyId, "second");
  credentials.refresh(used);
  credentials.refresh(used);
  await credentials.resolve();
  assert.equal(reads, 2);
});

test("a Secret that was taken away stops the use of its keys, and one that comes back is used again", async () => {
  const clock = adjustableClock();
  let missing = false;
  const readParam = (): Promise<string> =>
    missing ? Promise.reject(Object.assign(new Error("gone"), { code: "SecretMissing" })) : Promise.resolve(KEYS);
  const credentials = createCredentials(options({ readParam, clock }));
  await credentials.resolve();
  missing = true;
  clock.advance(5_000);
  assert.equal((await failure(() => credentials.resolve())).code, "SecretMissing");
  missing = false;
  clock.advance(2_000);
  assert.equal((await credentials.resolve()).accessKeyId, "AKIAEXAMPLE");
});

/** A small STS: AssumeRole answers with temporary keys, or with an error. */
const sts = { url: "", calls: [] as URLSearchParams[], error: "", lifeMs: 3_600_000 };
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    sts.calls.push(new URLSearchParams(Buffer.concat(chunks).toString()));
    response.setHeader("content-type", "text/xml");
    if (sts.error !== "") {
      response.statusCode = 403;
      response.end(`<ErrorResponse><Error><Code>${sts.error}</Code><Message>hidden</Message></Error></ErrorResponse>`);
      return;
    }
    const expiration = new Date(Date.now() + sts.lifeMs).toISOString();
    response.end(
      `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>temporary-${sts.calls.length}</AccessKeyId>` +
        `<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${expiration}</Expiration>` +
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
    );
  });
});

before(async () => {
  process.env["AWS_EC2_METADATA_DISABLED"] = "true";
  process.env["AWS_ACCESS_KEY_ID"] = "from-environment";
  process.env["AWS_SECRET_ACCESS_KEY"] = "secret";
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  sts.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  Object.assign(sts, { calls: [], error: "" });
});
after(() => {
  server.closeAllConnections();
  server.close();
});

for (const pluginName of CHAINS) {
  test(`${pluginName} takes the default chain`, async () => {
    const credentials = createCredentials(options({ pluginName }));
    assert.equal((await credentials.resolve()).accessKeyId, "from-environment");
    process.env["AWS_ACCESS_KEY_ID"] = "renewed";
    credentials.refresh();
    assert.equal((await credentials.resolve()).accessKeyId, "renewed");
    process.env["AWS_ACCESS_KEY_ID"] = "from-environment";
  });
}

test("an empty default chain says what to do", async () => {
  delete process.env["AWS_ACCESS_KEY_ID"];
  const error = await failure(() => createCredentials(options({ pluginName: CHAINS[0] ?? "" })).resolve());
  process.env["AWS_ACCESS_KEY_ID"] = "from-environment";
  assert.equal(error.code, "CredentialsMissing");
  assert.match(error.message, /IRSA/);
});

for (const pluginName of ROLES) {
  test(`${pluginName} assumes the role at the given STS`, async () => {
    const param = '{"roleArn":"arn:aws:iam::1:role/writer","roleSessionNmae":"pulsar","externalId":"x1"}';
    const url = new URL(sts.url);
    const credentials = createCredentials(
      options({
        pluginName,
        readParam: async () => param,
        stsEndpoint: `http://${url.hostname}`,
        stsPort: Number(url.port),
      }),
    );
    assert.equal((await credentials.resolve()).accessKeyId, "temporary-1");
    await credentials.resolve();
    assert.equal(sts.calls.length, 1, "the role is kept until shortly before it expires");
    const call = sts.calls[0];
    assert.deepEqual(
      ["Action", "RoleArn", "RoleSessionName", "ExternalId"].map((name) => call?.get(name)),
      ["AssumeRole", "arn:aws:iam::1:role/writer", "pulsar", "x1"],
    );
    credentials.refresh();
    assert.equal((await credentials.resolve()).accessKeyId, "temporary-2");
  });
}

test("a role is assumed anew shortly before it expires, and when its parameter changes", async () => {
  const clock = adjustableClock();
  let session = "one";
  const readParam = async (): Promise<string> => JSON.stringify({ roleArn: "arn:r", roleSessionName: session });
  const credentials = createCredentials(
    options({ pluginName: ROLES[0] ?? "", readParam, stsEndpoint: sts.url, clock }),
  );
  await credentials.resolve();
  clock.advance(sts.lifeMs - 200_000);
  await credentials.resolve();
  assert.equal(sts.calls.length, 2);
  session = "two";
  clock.advance(5_000);
  await credentials.resolve();
  assert.deepEqual(
    sts.calls.map((call) => call.get("RoleSessionName")),
    ["one", "one", "two"],
  );
});

test("a role that cannot be assumed, and an STS that cannot be reached, say so", async () => {
  const readParam = async (): Promise<string> => '{"roleArn":"arn:r","roleSessionName":"s"}';
  const pluginName = ROLES[0] ?? "";
  sts.error = "AccessDenied";
  const refused = await failure(() =>
    createCredentials(options({ pluginName, readParam, stsEndpoint: sts.url })).resolve(),
  );
  assert.equal(refused.code, "AssumeRoleFailed");
  assert.match(refused.message, /Role arn:r cannot be assumed \(AccessDenied\).*trust policy/);
  const away = { pluginName, readParam, stsEndpoint: "http://127.0.0.1:1" };
  const unreachable = await failure(() => createCredentials(options(away)).resolve());
  assert.equal(unreachable.code, "EndpointUnreachable");
  assert.match(unreachable.message, /STS \(http:\/\/127\.0\.0\.1:1\).*awsStsEndpoint/);
  const misspelt = { pluginName, readParam, stsEndpoint: "ftp://sts" };
  assert.match(
    (await failure(() => createCredentials(options(misspelt)).resolve())).message,
    /^awsStsEndpoint is neither/,
  );
  const incomplete = async (): Promise<string> => '{"roleSessionName":"s"}';
  const error = await failure(() => createCredentials(options({ pluginName, readParam: incomplete })).resolve());
  assert.match(error.message, /has no roleArn/);
});
