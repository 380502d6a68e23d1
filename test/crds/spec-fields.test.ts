/**
 * The way of a field of the spec, from its definition to where it has an effect: it is described (schema.test.ts), stands in
 * the reference, comes to the worker with its configuration, and somebody takes notice of it, or says that nobody does.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { StructuralSchema } from "../../crds/json-schema.ts";
import type { KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";
import { ignoredProperties } from "../../crds/validation/ignored-properties.ts";
import { unsupportedFields } from "../../crds/validation/unsupported.ts";
import { CONFIG_KEY } from "../../crds/worker-config.ts";
import { children } from "../../operator/desired/children.ts";
import type { LiveSink } from "../../operator/desired/names.ts";
import { CONFIG_MAPS } from "../../operator/kube/objects.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createParts } from "../../worker/parts.ts";
import { filePrivateKeys } from "../../worker/private-keys.ts";
import { pulsarAccess } from "../../worker/pulsar-access.ts";
import type { KeyReader } from "../../worker/secrets.ts";
import { type FakeKinesis, startFakeKinesis } from "../fakes/kinesis.ts";
import { WORKER_DEFAULTS } from "../operator/sink-fixture.ts";
import { silentLog } from "../silent-log.ts";
import { USABLE_STREAM } from "../worker/usable-stream.ts";
import { parts, resourceSchema } from "./resource-definition.ts";

const STREAM = "orders";
const ROOT = join(import.meta.dirname, "../..");

/** Fields that a program takes notice of where no test can watch it, and the file that names them. */
const READ_ELSEWHERE: Readonly<Record<string, string>> = {
  "spec.logLevel": "worker/main.ts",
  "spec.config.awsCredentialPluginParam": "worker/local.ts",
  "spec.class": "crds/operator-class.ts",
};
/** Fields that the operator acts on by what it sees, and the file that reads them. */
const READ_BY_OPERATOR: Readonly<Record<string, string>> = {
  "spec.cleanupSubscription": "operator/reconcile/hold-finalizer.ts",
  "spec.autoscaling.maxReplicas": "operator/scaling/policy.ts",
  "spec.autoscaling.targetLagSeconds": "operator/scaling/policy.ts",
  "spec.autoscaling.targetBacklogMessages": "operator/scaling/policy.ts",
  "spec.autoscaling.scaleUpStabilizationSeconds": "operator/scaling/policy.ts",
  "spec.autoscaling.scaleDownStabilizationSeconds": "operator/scaling/policy.ts",
};
/** A secret, which workers ask the API server for. The rest makes pods, says how many, or tells operators apart: no worker asks for it. */
const NOT_COPIED =
  /^spec\.(config\.awsCredentialPluginParam|class|replicas|paused|autoscaling\..*|logLevel|cleanupSubscription|serviceAccount\..*|pod\.(?!terminationGracePeriodSeconds).*)$/;

/** The fields that hold a value. What is below a field of `spec.pod` is Kubernetes' own. */
const fields = parts(resourceSchema()).filter(
  ([path, { properties }]) =>
    path.startsWith("spec.") &&
    !/[[{]/.test(path) &&
    !/^spec\.pod\.\w+\./.test(path) &&
    (properties === undefined || /^spec\.pod\.\w+$/.test(path)),
);

/** What the fields are set to where any value of their type will not do. */
const VALUES: Readonly<Record<string, unknown>> = {
  "spec.config.awsKinesisStreamName": STREAM,
  "spec.config.requestTimeout": 60_000,
  "spec.config.connectTimeout": 60_000,
  "spec.config.awsEndpoint": "http://127.0.0.1",
  // The access key in the parameter.
  "spec.config.awsCredentialPluginName": "",
  "spec.pulsar.client": "Wire",
  "spec.pulsar.serviceUrl": "pulsar://127.0.0.1:1",
  "spec.pulsar.adminUrl": "http://127.0.0.1:1",
  // Nothing runs otherwise, so the number of replicas would be the same.
  "spec.paused": false,
  // More than spec.replicas, so that it shows.
  "spec.autoscaling.minReplicas": 2,
  "spec.autoscaling.maxReplicas": 5,
};

/** A value for every field below. */
function sampleOf(schema: StructuralSchema, path: string): unknown {
  if (path in VALUES) return VALUES[path];
  if (schema.default === true) return false;
  if (schema.enum !== undefined) return schema.enum.at(-1);
  if (schema["x-kubernetes-int-or-string"]) return "1";
  if (schema.type === "string") return path.split(".").at(-1)?.toLowerCase();
  if (schema.type === "integer") return (schema.minimum ?? 0) + 1;
  if (schema.type === "boolean") return true;
  if (schema.type === "array") return [sampleOf(schema.items ?? {}, `${path}[]`)];
  const named = Object.entries(schema.properties ?? {}).map(([name, part]) => [
    name,
    sampleOf(part, `${path}.${name}`),
  ]);
  const { additionalProperties: values } = schema;
  return Object.fromEntries(typeof values === "object" ? [...named, ["a", sampleOf(values, `${path}{}`)]] : named);
}

/** Another value of the same type. */
function otherThan(value: unknown): unknown {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  if (typeof value === "string") return `${value}-other`;
  return Array.isArray(value) ? [] : {};
}

type Node = Record<string, unknown>;

/** A copy with the field at the path changed; undefined removes it. */
function changed(sink: LiveSink, path: string, change: (value: unknown) => unknown): LiveSink {
  const copy = structuredClone(sink);
  const names = path.split(".");
  const last = names.pop() ?? "";
  const parent = names.reduce<Node>((node, name) => node[name] as Node, copy as unknown as Node);
  const value = change(parent[last]);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

/** A sink that sets every field, also those of which one excludes the other. */
const everyField = {
  metadata: { name: "orders", namespace: "shop", uid: "0000-sink", generation: 1 },
  spec: sampleOf(resourceSchema().properties?.["spec"] ?? {}, "spec") as KinesisSinkSpec,
} as LiveSink;

/** Of fields that exclude each other the first wins: the next is looked at without those before it. */
const EXCLUSIVE = [
  "spec.pulsar.auth.token",
  "spec.pulsar.auth.basic",
  "spec.pulsar.auth.oauth2",
  "spec.pulsar.tls.ca.secret",
  "spec.aws.ca.secret",
  "spec.serviceAccount.name",
  "spec.autoscaling",
];

/** The object, and in `seen` the paths of what is read of it. */
function watched<T extends object>(object: T, path: string, seen: Set<string>): T {
  return new Proxy(object, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof name !== "string") return value;
      const here = `${path}.${name}`;
      seen.add(here);
      return typeof value === "object" && value !== null && !Array.isArray(value) ? watched(value, here, seen) : value;
    },
  });
}

describe("a field of the spec", () => {
  let fake: FakeKinesis;
  before(async () => {
    fake = await startFakeKinesis({ streams: { [STREAM]: 1 } });
  });
  after(() => fake.close());

  const readKey: KeyReader = async () => Buffer.from('{"accessKey":"a","secretKey":"b"}');

  /** What a worker reads when it is put together and asks for its credentials. */
  async function readByWorker(sink: LiveSink, seen: Set<string>): Promise<void> {
    const reachable = changed(sink, "spec.config.awsEndpointPort", () => Number(new URL(fake.url).port));
    const worker = createParts({
      manifest: { ...reachable, spec: watched(reachable.spec, "spec", seen) },
      readKey,
      privateKeys: filePrivateKeys(new Map()),
      readInlineParam: async () => "",
      consumerName: "worker",
      memoryLimitBytes: null,
      clock: systemClock,
      log: silentLog,
    });
    const { source, pipeline } = await worker.connect(USABLE_STREAM);
    await worker.sink.describe(new AbortController().signal);
    // A broker would be shown it on a connection.
    await pulsarAccess(watched(sink.spec.pulsar, "spec.pulsar", seen), readKey).tls.clientCertificate?.();
    pipeline.close();
    await source.close();
    worker.sink.close();
  }

  /** What the operator makes of the sink beside the copy of its spec, and hashes of it. */
  function made(sink: LiveSink): string {
    const objects = children(sink, WORKER_DEFAULTS).filter(({ type }) => type !== CONFIG_MAPS);
    const hash = /-hash$|\/made-from$|^CONFIG_HASH$/;
    return JSON.stringify(objects, (name, value) => {
      const isHash = hash.test(name) || (typeof value === "object" && value !== null && hash.test(value.name));
      if (name === "name" && /-kinesis-sink-[0-9a-f]{16}$/.test(String(value))) return "named by a hash";
      return isHash ? "hash" : value;
    });
  }

  const rows = new Set<string>();
  let section = "";
  for (const line of readFileSync(join(ROOT, "docs/reference.md"), "utf8").split("\n")) {
    section = /^#+ (spec\S*)$/.exec(line)?.[1] ?? section;
    const name = /^\| `(\w+)` \|/.exec(line)?.[1];
    if (name !== undefined) rows.add(`${section}.${name}`);
  }

  test("stands in the reference", () => {
    assert.deepEqual(
      fields.map(([path]) => path).filter((path) => !rows.has(path)),
      [],
    );
  });

  test("comes to the worker with its configuration", () => {
    const copy = children(everyField, WORKER_DEFAULTS).find(({ type }) => type === CONFIG_MAPS)?.object;
    const { data } = copy as unknown as { readonly data: Readonly<Record<string, string>> };
    const carried = new Set(pathsOf(JSON.parse(data[CONFIG_KEY] ?? "")));
    assert.deepEqual(
      fields.map(([path]) => path).filter((path) => !carried.has(path)),
      fields.map(([path]) => path).filter((path) => NOT_COPIED.test(path)),
    );
  });

  test("is read by the worker, or makes a difference to what the operator makes, or is said to have no effect", async () => {
    const variants = [everyField];
    for (const path of EXCLUSIVE) variants.push(changed(variants.at(-1) ?? everyField, path, () => undefined));
    const seen = new Set<string>();
    for (const sink of variants) await readByWorker(sink, seen);
    const shapes = (path: string): boolean =>
      variants.some((sink) => has(sink, path) && made(sink) !== made(changed(sink, path, otherThan)));
    const without = [...ignoredProperties(everyField), ...unsupportedFields(everyField).map(({ field }) => field)];
    const forgotten = fields
      .map(([path]) => path)
      .filter((path) => !seen.has(path) && !shapes(path) && !without.includes(path));
    assert.deepEqual(forgotten.toSorted(), Object.keys({ ...READ_ELSEWHERE, ...READ_BY_OPERATOR }).toSorted());
    for (const [path, file] of Object.entries(READ_BY_OPERATOR)) {
      const name = path.split(".").at(-1);
      assert.ok(readFileSync(join(ROOT, file), "utf8").includes(`.${name}`), `${file} does not read ${path}`);
    }
    for (const [path, file] of Object.entries(READ_ELSEWHERE)) {
      assert.ok(readFileSync(join(ROOT, file), "utf8").includes(path), `${file} does not read ${path}`);
    }
  });
});

function has(sink: LiveSink, path: string): boolean {
  return pathsOf(sink).includes(path);
}

/** The paths of everything in an object. */
function pathsOf(node: unknown, path = ""): string[] {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return [path];
  return [
    path,
    ...Object.entries(node).flatMap(([name, value]) => pathsOf(value, path === "" ? name : `${path}.${name}`)),
  ];
}
