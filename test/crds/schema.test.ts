import assert from "node:assert/strict";
import { test } from "node:test";
import type { StructuralSchema } from "../../crds/json-schema.ts";
import { parts, resourceSchema } from "./resource-definition.ts";

/** The property table of Pulsar's Kinesis sink connector, and the settings of the producer library that users know. */
const connectorProperties: readonly (readonly [name: string, type: StructuralSchema["type"], byDefault?: unknown])[] = [
  ["awsKinesisStreamName", "string"],
  ["awsRegion", "string"],
  ["awsCredentialPluginName", "string"],
  ["awsCredentialPluginParam", "string"],
  ["awsEndpoint", "string"],
  ["awsEndpointPort", "integer"],
  ["retainOrdering", "boolean", false],
  ["messageFormat", "string", "ONLY_RAW_PAYLOAD"],
  ["jsonIncludeNonNulls", "boolean", true],
  ["jsonFlatten", "boolean", false],
  ["retryInitialDelayInMillis", "integer", 100],
  ["retryMaxDelayInMillis", "integer", 60000],
  ["skipCertificateValidation", "boolean", false],
  ["aggregationEnabled", "boolean", true],
  ["collectionMaxCount", "integer", 500],
  ["collectionMaxSize", "integer", 5242880],
  ["maxConnections", "integer", 24],
  ["connectTimeout", "integer", 6000],
  ["requestTimeout", "integer", 6000],
  ["rateLimit", "integer", 150],
  ["recordTtl", "integer", 30000],
  ["awsStsEndpoint", "string"],
  ["awsStsPort", "integer"],
  ["cloudwatchEndpoint", "string"],
  ["minConnections", "integer"],
  ["credentialsRefreshDelay", "integer"],
  ["nativeExecutable", "string"],
  ["extraKinesisProducerConfig", "object"],
];

const all = new Map(parts(resourceSchema()));

test("spec.config has the connector's properties, their types and defaults, and no others", () => {
  const properties = Object.entries(all.get("spec.config")?.properties ?? {});
  const actual = properties.map(([name, { type, default: byDefault }]) => [name, type, byDefault]);
  const expected = connectorProperties.map(([name, type, byDefault]) => [name, type, byDefault]);
  assert.deepEqual(actual.toSorted(), expected.toSorted());
});

test("every field that is not Kubernetes' own is described", () => {
  const kubernetes = /^(apiVersion|kind|metadata)$|^spec\.pod\.\w+[.[{]/;
  const bare = [...all].filter(
    ([path, { description }]) => !kubernetes.test(path) && !/(\[\]|\{\})$/.test(path) && description === undefined,
  );
  assert.deepEqual(
    bare.map(([path]) => path),
    [],
  );
});

test("texts and lists in the status are bounded, so that no report can grow the resource", () => {
  const unbounded = [...all].filter(
    ([path, { type, enum: values, format, maxLength, maxItems }]) =>
      path.startsWith("status") &&
      ((type === "string" && values === undefined && format === undefined && maxLength === undefined) ||
        (type === "array" && maxItems === undefined)),
  );
  assert.deepEqual(
    unbounded.map(([path]) => path),
    [],
  );
});

const status = [...all].filter(([path]) => path === "status" || path.startsWith("status."));
const pathsOf = (found: readonly (readonly [string, StructuralSchema])[]) => found.map(([path]) => path);

test("a status keeps what a newer version writes: no object of it is closed, no field lists its values", () => {
  const closed = status.filter(
    ([, part]) => part.type === "object" && part["x-kubernetes-preserve-unknown-fields"] !== true,
  );
  assert.deepEqual(pathsOf(closed), []);
  assert.deepEqual(pathsOf(status.filter(([, part]) => part.enum !== undefined)), []);
});

test("numbers in the status are those that every program reads the same", () => {
  const numbers = status.filter(([, part]) => part.type === "integer");
  assert.ok(numbers.length > 20);
  const loose = numbers.filter(
    ([, { minimum = -2, maximum = Number.POSITIVE_INFINITY }]) => minimum < -1 || maximum > Number.MAX_SAFE_INTEGER,
  );
  assert.deepEqual(pathsOf(loose), []);
});

test("a worker's entry is one atomic item, keyed by its pod", () => {
  const workers = all.get("status.workers");
  assert.equal(workers?.["x-kubernetes-list-type"], "map");
  assert.deepEqual(workers?.["x-kubernetes-list-map-keys"], ["pod"]);
  assert.equal(workers?.items?.["x-kubernetes-map-type"], "atomic");
});
