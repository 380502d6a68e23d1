import assert from "node:assert/strict";
import { test } from "node:test";
import { formatErrors } from "../../../crds/validation/field-error.ts";
import { validateKinesisSink } from "../../../crds/validation/validate.ts";
import { goodManifest, mergePatch } from "../good-manifest.ts";

test("the value has the defaults, and the input is left as it is", () => {
  const before = JSON.stringify(goodManifest);
  const result = validateKinesisSink(goodManifest);
  assert.ok(result.ok);
  const { spec, status } = result.value;
  assert.equal(spec.config.requestTimeout, 6000);
  assert.equal(spec.pulsar.subscription.initialPosition, "Earliest");
  assert.equal(spec.pod.terminationGracePeriodSeconds, 60);
  assert.equal(spec.keyless, "TopicName");
  assert.deepEqual(status, { observedGeneration: -1 });
  assert.equal(JSON.stringify(goodManifest), before);
});

test("all errors of the schema are reported at once", () => {
  const bad = mergePatch(goodManifest, {
    spec: { replicas: -1, config: { rateLimit: 0 }, pulsar: { serviceUrl: null } },
  });
  const result = validateKinesisSink(bad);
  assert.ok(!result.ok);
  assert.deepEqual(
    result.errors.map(({ field, code }) => [field, code]),
    [
      ["spec.config.rateLimit", "OutOfRange"],
      ["spec.pulsar.serviceUrl", "Required"],
      ["spec.replicas", "OutOfRange"],
    ],
  );
  assert.match(formatErrors(result.errors), /^spec\.config\.rateLimit: must be between 1 and 100000 percent\n/);
});

test("a misspelt field does not hide what the rules say", () => {
  const bad = mergePatch(goodManifest, {
    spec: { config: { retainOrder: true, awsRegion: "us-wset-2", requestTimeout: 6 }, keyless: "Spreed" },
  });
  const result = validateKinesisSink(bad);
  assert.ok(!result.ok);
  assert.deepEqual(
    result.errors.map(({ field }) => field),
    ["spec.config.retainOrder", "spec.config.requestTimeout", "spec.keyless", "spec.config.awsRegion"],
  );
});

test("a rule does not repeat what the schema says of a field", () => {
  const result = validateKinesisSink(mergePatch(goodManifest, { spec: { pulsar: { topics: ["orders", "orders"] } } }));
  assert.ok(!result.ok);
  assert.deepEqual(
    result.errors.map(({ code }) => code),
    ["Duplicate"],
  );
});

test("regions to come are taken, those that cannot be are told what was meant", () => {
  const withRegion = (awsRegion: string, more = {}) =>
    validateKinesisSink(mergePatch(goodManifest, { spec: { config: { awsRegion, ...more } } }));
  const regions = ["us-west-2", "us-west-9", "eusc-de-east-1", "us-gov-east-1", "us-isob-east-1", "mx-central-1"];
  for (const region of [...regions, "cn-northwest-1", "ap-southeast-7"]) assert.ok(withRegion(region).ok, region);
  for (const [wrong, meant] of [
    ["us-wset-2", "us-west-2"],
    ["US_WEST_2", "us-west-2"],
    ["us-west-2a", "us-west-2"],
    ["eu-centrl-1", "eu-central-1"],
    ["ap-souteast-1", "ap-southeast-1"],
  ] as const) {
    const result = withRegion(wrong);
    assert.ok(!result.ok, wrong);
    assert.match(formatErrors(result.errors), new RegExp(`did you mean ${meant}\\?$`));
  }
  assert.ok(
    withRegion("local", { awsEndpoint: "http://localhost:4567" }).ok,
    "an endpoint of one's own has any region",
  );
  assert.equal(withRegion("local").ok, false);
});

test("no error shows the value it is about", () => {
  const secret = "hunter2hunter2";
  const places = [
    { spec: { secrets: null, config: { awsCredentialPluginParam: secret } } },
    { spec: { secrets: null, config: { awsCredentialPluginParam: { accessKey: secret } } } },
    { spec: { secrets: null, config: { awsCredentialPluginParam: secret.repeat(1000) } } },
    { spec: { pulsar: { auth: { token: secret } } } },
    { spec: { pulsar: { auth: { token: { name: `${secret}/` } } } } },
    { spec: { lingerMillis: secret } },
    { spec: { config: { retainOrdering: secret } } },
    { spec: { pod: { resources: { limits: { memory: secret } } } } },
    { spec: { pulsar: { subscription: secret, topics: secret } } },
  ];
  for (const patch of places) {
    const result = validateKinesisSink(mergePatch(goodManifest, patch));
    assert.ok(!result.ok, JSON.stringify(patch).slice(0, 80));
    assert.doesNotMatch(formatErrors(result.errors), new RegExp(secret));
  }
});

test("a rule can be left out for a manifest from which the inline parameter was taken", () => {
  const stripped = mergePatch(goodManifest, { spec: { secrets: null } });
  assert.equal(validateKinesisSink(stripped).ok, false);
  assert.equal(validateKinesisSink(stripped, { except: ["CredentialsRequired"] }).ok, true);
});

test("empty strings are unset", () => {
  const unset = { awsEndpoint: "", awsStsEndpoint: "", awsCredentialPluginName: "", awsCredentialPluginParam: "" };
  const patch = { spec: { config: unset, pulsar: { adminUrl: "", topicsPattern: "", subscription: { name: "" } } } };
  const result = validateKinesisSink(mergePatch(goodManifest, patch));
  assert.ok(result.ok, JSON.stringify(result));
});

test("what people bring from the connector is taken", () => {
  const brought = {
    recordTtl: 2 ** 63,
    minConnections: 1,
    credentialsRefreshDelay: 5000,
    nativeExecutable: "",
    extraKinesisProducerConfig: { MetricsLevel: "none", nested: { any: ["thing"] } },
    awsEndpoint: "[::1]",
    awsEndpointPort: 4567,
  };
  const result = validateKinesisSink(mergePatch(goodManifest, { spec: { config: brought } }));
  assert.ok(result.ok, JSON.stringify(result));
});

test("a status of another version keeps no sink from being read", () => {
  const result = validateKinesisSink({ ...goodManifest, status: { observedGeneration: 3, later: { field: true } } });
  assert.ok(result.ok);
  assert.equal(result.value.status.observedGeneration, 3);
});

for (const input of [null, undefined, "text", 3, [], {}]) {
  test(`${JSON.stringify(input)} is refused, not thrown at`, () => {
    const result = validateKinesisSink(input);
    assert.ok(!result.ok);
    assert.ok(result.errors.length > 0);
  });
}

test("a CA may be for the OAuth 2.0 issuer alone", () => {
  const auth = { oauth2: { issuerUrl: "https://auth.example.com/realm", credentials: { name: "client" } } };
  const pulsar = { serviceUrl: "pulsar://pulsar:6650", auth, tls: { ca: { configMap: { name: "ca" } } } };
  const result = validateKinesisSink(mergePatch(goodManifest, { spec: { pulsar } }));
  assert.ok(result.ok, result.ok ? "" : formatErrors(result.errors));
});

test("a pattern of topics that is no regular expression is refused before anything runs", () => {
  const withPattern = (pattern: string) =>
    validateKinesisSink(
      mergePatch(goodManifest, {
        spec: { pulsar: { topics: null, topicsPattern: `persistent://public/default/${pattern}` } },
      }),
    );
  for (const wrong of ["orders-(.*", "orders-[", "*orders", "a++"]) {
    const result = withPattern(wrong);
    assert.ok(!result.ok, wrong);
    assert.match(formatErrors(result.errors), /^spec\.pulsar\.topicsPattern: is no regular expression .*: correct it/);
  }
  for (const good of ["orders\\-.*", "(?!dead-).*", "\\Qa.b\\E"]) assert.ok(withPattern(good).ok, good);
});
