import assert from "node:assert/strict";
import { test } from "node:test";
import { ignoredProperties, ineffectiveFields } from "../../../crds/validation/ignored-properties.ts";
import { validateKinesisSink } from "../../../crds/validation/validate.ts";
import { goodManifest, type Json, mergePatch } from "../good-manifest.ts";
import { statusErrors } from "../status-errors.ts";

function ignoredWith(spec: Json): string[] {
  const result = validateKinesisSink(mergePatch(goodManifest, { spec }));
  assert.ok(result.ok, JSON.stringify(result));
  return ignoredProperties(result.value).toSorted();
}

const defaultChain = "org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin";
const assumeRole = "org.apache.pulsar.io.aws.STSAssumeRoleProviderPlugin";

test("a plain sink has nothing that is ignored", () => {
  assert.deepEqual(ignoredWith({}), []);
});

test("internals of the producer library are ignored, whatever their value", () => {
  const config = {
    minConnections: 0,
    credentialsRefreshDelay: 5000,
    nativeExecutable: "/kpl",
    extraKinesisProducerConfig: {},
  };
  assert.deepEqual(ignoredWith({ config: { ...config, cloudwatchEndpoint: "cw.example.com" } }), [
    "spec.config.cloudwatchEndpoint",
    "spec.config.credentialsRefreshDelay",
    "spec.config.extraKinesisProducerConfig",
    "spec.config.minConnections",
    "spec.config.nativeExecutable",
  ]);
});

test("a port without its endpoint is ignored", () => {
  assert.deepEqual(ignoredWith({ config: { awsEndpointPort: 443, awsStsPort: 443 } }), [
    "spec.config.awsEndpointPort",
    "spec.config.awsStsPort",
  ]);
  assert.deepEqual(ignoredWith({ config: { awsEndpointPort: 443, awsEndpoint: "kinesis.example.com" } }), []);
});

test("STS is asked only for a role to assume", () => {
  const sts = { awsStsEndpoint: "sts.example.com", awsStsPort: 443 };
  assert.deepEqual(ignoredWith({ config: sts }), ["spec.config.awsStsEndpoint", "spec.config.awsStsPort"]);
  assert.deepEqual(ignoredWith({ config: { ...sts, awsCredentialPluginName: assumeRole } }), []);
});

test("the default chain takes no parameter", () => {
  const config = { awsCredentialPluginName: defaultChain };
  assert.deepEqual(ignoredWith({ config }), ["spec.secrets.awsCredentialPluginParam"]);
  assert.deepEqual(ignoredWith({ config: { ...config, awsCredentialPluginParam: "{}" }, secrets: null }), [
    "spec.config.awsCredentialPluginParam",
  ]);
});

test("no message waits for others to share an aggregate with when there is none", () => {
  assert.deepEqual(ignoredWith({ lingerMillis: 100, config: { aggregationEnabled: false } }), ["spec.lingerMillis"]);
  assert.deepEqual(ignoredWith({ lingerMillis: 0, config: { aggregationEnabled: false } }), []);
  assert.deepEqual(ignoredWith({ lingerMillis: 100 }), []);
});

test("options of the expanded format are ignored by the others", () => {
  const options = { jsonFlatten: true, jsonIncludeNonNulls: false };
  assert.deepEqual(ignoredWith({ config: options }), ["spec.config.jsonFlatten", "spec.config.jsonIncludeNonNulls"]);
  const messageFormat = "FULL_MESSAGE_IN_JSON_EXPAND_VALUE";
  assert.deepEqual(ignoredWith({ config: { ...options, messageFormat } }), []);
});

test("fields that this version does not know are told with them, as far as the status has room", () => {
  const result = validateKinesisSink(mergePatch(goodManifest, { spec: { config: { minConnections: 1 } } }));
  assert.ok(result.ok);
  assert.deepEqual(ineffectiveFields(result.value, ["spec.shards"]), ["spec.config.minConnections", "spec.shards"]);
  const many = Array.from({ length: 100 }, (_, index) => `spec.${index}${"x".repeat(300)}`);
  const told = ineffectiveFields(result.value, many);
  assert.deepEqual(statusErrors({ ignoredProperties: told }), []);
  assert.equal(told[0], "spec.config.minConnections");
});
