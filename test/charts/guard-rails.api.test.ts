import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ApiRequest } from "../../runtime/kube/client.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import { eventually, skip } from "../operator/api/cluster.ts";
import { useCluster } from "../operator/api/fixture.ts";
import { sinkManifest } from "../operator/api/sinks.ts";
import { outcome } from "./api-server.ts";
import type { Values } from "./chart.ts";
import {
  assertSoundPolicy,
  chartObjects,
  creation,
  installPolicies,
  object,
  untilRefused,
} from "./operator-policy-fixture.ts";

const CONFIG = { awsKinesisStreamName: "orders", awsRegion: "us-west-2" };
const PULSAR = { serviceUrl: "pulsar+ssl://pulsar:6651", topics: ["orders"] };

const RAILS: Values = {
  images: { restrict: true, registries: ["registry.example.com/team", "docker.io/library"] },
  serviceAccounts: {
    restrict: true,
    names: ["shared", "sinks-*"],
    annotations: { "eks.amazonaws.com/role-arn": ["arn:aws:iam::1:role/sinks/*"], "example.com/team": ["a", "b"] },
  },
  forbidInlineCredentials: true,
  forbidInsecure: true,
};

/** What must be refused, by what the message names, with the remedy's words. */
const REFUSED: readonly [spec: Record<string, unknown>, message: RegExp][] = [
  [{ pod: { image: "evil.example.com/x" } }, /spec\.pod\.image: evil\.example\.com\/x .*registry\.example\.com\/team/],
  [{ pod: { image: "registry.example.com/teammate/x" } }, /spec\.pod\.image/],
  [{ pod: { image: "registry.example.com/other/x" } }, /spec\.pod\.image/],
  [{ pod: { image: "somebody/x" } }, /spec\.pod\.image.*remove the field/],
  [{ pod: { image: "localhost/x" } }, /spec\.pod\.image/],
  [{ serviceAccount: { name: "admin" } }, /spec\.serviceAccount\.name: admin .*shared, sinks-\*/],
  [{ serviceAccount: { name: "default" } }, /spec\.serviceAccount\.name/],
  [
    { serviceAccount: { annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/admin" } } },
    /spec\.serviceAccount\.annotations: eks\.amazonaws\.com\/role-arn may not be set, or not to this value/,
  ],
  [{ serviceAccount: { annotations: { other: "x" } } }, /spec\.serviceAccount\.annotations: other/],
  [
    { config: { ...CONFIG, awsCredentialPluginParam: '{"accessKey":"a","secretKey":"hidden-word"}' }, secrets: null },
    /spec\.config\.awsCredentialPluginParam: credentials may not stand.*spec\.secrets\.awsCredentialPluginParam/,
  ],
  [
    { pod: { env: [{ name: "AWS_SECRET_ACCESS_KEY", value: "hidden-word" }] } },
    /spec\.pod\.env AWS_SECRET_ACCESS_KEY: .*secretKeyRef/,
  ],
  [
    { pod: { env: [{ name: "HTTPS_PROXY", value: "http://me:hidden-word@proxy:3128" }] } },
    /spec\.pod\.env HTTPS_PROXY/,
  ],
  [
    { config: { ...CONFIG, awsEndpoint: "https://k.example.com", skipCertificateValidation: true } },
    /skipCertificateValidation: true/,
  ],
  [
    { config: { ...CONFIG, awsEndpoint: "http://k.example.com" } },
    /spec\.config\.awsEndpoint: http:\/\/k\.example\.com/,
  ],
  [{ config: { ...CONFIG, awsStsEndpoint: "http://sts.example.com" } }, /spec\.config\.awsStsEndpoint/],
  [
    { pulsar: { ...PULSAR, serviceUrl: "pulsar://pulsar:6650" } },
    /spec\.pulsar\.serviceUrl: pulsar:\/\/.*pulsar\+ssl:\/\//,
  ],
  [{ pulsar: { ...PULSAR, adminUrl: "http://pulsar:8080" } }, /spec\.pulsar\.adminUrl/],
  [{ pulsar: { ...PULSAR, tls: { allowInsecureConnection: true } } }, /spec\.pulsar\.tls\.allowInsecureConnection/],
  [{ pulsar: { ...PULSAR, tls: { hostnameVerification: false } } }, /spec\.pulsar\.tls\.hostnameVerification: false/],
  [
    { pulsar: { ...PULSAR, auth: { oauth2: { issuerUrl: "http://issuer", credentials: { name: "c" } } } } },
    /spec\.pulsar\.auth\.oauth2\.issuerUrl/,
  ],
  [{ pod: { env: [{ name: "NODE_TLS_REJECT_UNAUTHORIZED", value: "0" }] } }, /NODE_TLS_REJECT_UNAUTHORIZED/],
];

const ACCEPTED: readonly Record<string, unknown>[] = [
  {},
  { pod: { image: "registry.example.com/team/x:1" } },
  { pod: { image: "busybox" } },
  { serviceAccount: { name: "shared" } },
  { serviceAccount: { name: "sinks-orders" } },
  {
    serviceAccount: {
      annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/sinks/o", "example.com/team": "b" },
    },
  },
  { pod: { env: [{ name: "AWS_SECRET_ACCESS_KEY", valueFrom: { secretKeyRef: { name: "a", key: "b" } } }] } },
  { pod: { env: [{ name: "HTTPS_PROXY", value: "http://proxy:3128" }] } },
  {
    pulsar: { ...PULSAR, tls: { hostnameVerification: true } },
    config: { ...CONFIG, awsEndpoint: "https://k.example.com" },
  },
];

describe("guard rails", { skip }, () => {
  const cluster = useCluster();
  let uninstall: () => Promise<void> = async () => {};

  const manifest = (name: string, spec: Record<string, unknown>) => {
    const { metadata, spec: base } = sinkManifest(name, { pulsar: PULSAR, ...spec });
    return { ...object(KINESIS_SINKS, name), metadata, spec: base };
  };
  const create = (spec: Record<string, unknown>): ApiRequest => ({
    ...creation(cluster, KINESIS_SINKS, manifest("orders", spec)),
    query: { dryRun: "All", fieldValidation: "Strict" },
  });
  const patch = (name: string, spec: unknown) =>
    outcome(cluster.client, {
      method: "PATCH",
      path: objectPath(KINESIS_SINKS, cluster.namespace, name),
      contentType: "application/merge-patch+json",
      body: { spec },
    });

  before(async () => {
    // There before the guard rails are.
    const old = { image: "old.example.com/x", env: [{ name: "HTTPS_PROXY", value: "http://me:word@proxy:3128" }] };
    const pulsar = { ...PULSAR, serviceUrl: "pulsar://old:6650" };
    await cluster.create(KINESIS_SINKS, manifest("old", { pod: old, pulsar, serviceAccount: { name: "old" } }));
    const policies = await chartObjects(cluster, /^ValidatingAdmissionPolicy/, { guardRails: RAILS });
    uninstall = await installPolicies(
      cluster.client,
      policies.filter(({ metadata }) => metadata.name.endsWith("-guard-rails")),
    );
    await untilRefused(cluster.client, create({ pod: { image: "x.example.com/x" } }), /spec\.pod\.image/);
  });
  after(() => uninstall());

  for (const [spec, message] of REFUSED) {
    it(`refuse ${JSON.stringify(spec)}, and say what to do`, async () => {
      const answer = await outcome(cluster.client, create(spec));
      assert.equal(answer.status, 403, answer.message);
      assert.match(answer.message, message);
      assert.doesNotMatch(answer.message, /hidden-word/);
    });
  }

  for (const spec of ACCEPTED) {
    it(`let ${JSON.stringify(spec)} pass`, async () => {
      assert.deepEqual(await outcome(cluster.client, create(spec)), { status: 200, message: "" });
    });
  }

  it("leave a sink that exists as it is, and refuse what is changed", async () => {
    assert.equal((await patch("old", { replicas: 2 })).message, "");
    assert.equal((await patch("old", { paused: true })).message, "");
    assert.match((await patch("old", { pod: { image: "other.example.com/x" } })).message, /spec\.pod\.image/);
    assert.match((await patch("old", { serviceAccount: { name: "other" } })).message, /spec\.serviceAccount\.name/);
    assert.match((await patch("old", { pulsar: { serviceUrl: "pulsar://new:6650" } })).message, /serviceUrl/);
    const env = [{ name: "HTTPS_PROXY", value: "http://me:other@proxy:3128" }];
    assert.match((await patch("old", { pod: { env } })).message, /spec\.pod\.env HTTPS_PROXY/);
    assert.equal((await patch("old", { pulsar: PULSAR })).message, "");
    assert.match((await patch("old", { pulsar: { serviceUrl: "pulsar://old:6650" } })).message, /serviceUrl/);
  });

  it("fit the definition", async () => {
    await assertSoundPolicy(cluster, "guard-rails");
  });

  it("hold for no sink of a namespace that is exempt", async () => {
    const guardRails = { ...RAILS, exemptNamespaces: [cluster.namespace] };
    const policies = await chartObjects(cluster, /^ValidatingAdmissionPolicyBinding$/, { guardRails });
    await installPolicies(
      cluster.client,
      policies.filter(({ metadata }) => metadata.name.endsWith("-guard-rails")),
    );
    await eventually("it is exempt", async () =>
      assert.deepEqual(await outcome(cluster.client, create({ pod: { image: "x.example.com/x" } })), {
        status: 200,
        message: "",
      }),
    );
  });
});
