import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { StructuralSchema } from "../../crds/json-schema.ts";
import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ConfigMapObject } from "../../operator/desired/config-map.ts";
import { CONFIG_MAPS, CORE_EVENTS, type KubeObject } from "../../operator/kube/objects.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createKubeClient } from "../../runtime/kube/client.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import type { Logger } from "../../runtime/log.ts";
import { readCopy } from "../../worker/config.ts";
import { createStatusPublisher } from "../../worker/report/resource-status.ts";
import { silentLog } from "../silent-log.ts";
import { type Definition, eventually, installDefinition, skip } from "./api/cluster.ts";
import { useOperator } from "./api/fixture.ts";
import { condition, report, setReady, sink, sinkManifest, untilCondition, untilPods } from "./api/sinks.ts";

type Fields = Record<string, StructuralSchema>;

function fieldsOf(schema: StructuralSchema | undefined): Fields {
  assert.ok(schema?.properties);
  return schema.properties as Fields;
}

function partsOf({ spec }: Definition) {
  const { spec: wanted, status } = fieldsOf(spec.versions[0].schema.openAPIV3Schema);
  const fields = fieldsOf(status);
  return { spec: fieldsOf(wanted), status: fields, worker: fieldsOf(fields["workers"]?.items), whole: status };
}

/** What a later version may do: a field that every sink has at once, and one that users set. */
function addFields(definition: Definition): void {
  const { spec } = partsOf(definition);
  spec["newByDefault"] = { type: "string", default: "on" };
  fieldsOf(spec["config"])["newSetting"] = { type: "integer" };
}

/** As the first release had it: closed, with lists of values, without bounds of numbers, and without some fields. */
function firstRelease(definition: Definition): void {
  const { status, worker, whole } = partsOf(definition);
  close(whole ?? {});
  const conditions = fieldsOf(status["conditions"]?.items);
  const types = ["Ready", "Reconciling", "Stalled", "SourceConnected", "StreamWritable", "Throttled"];
  conditions["type"] = { type: "string", enum: types };
  worker["state"] = { type: "string", enum: ["Starting", "Running", "Waiting", "Stalled", "Draining"] };
  delete status["ignoredProperties"];
  delete worker["redelivered"];
  delete fieldsOf(worker["source"])["endedPartitions"];
}

function close(schema: StructuralSchema): void {
  delete schema["x-kubernetes-preserve-unknown-fields"];
  if (schema.format === "int64") {
    delete schema.minimum;
    delete schema.maximum;
  }
  for (const part of [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])]) close(part);
}

describe("a definition of another version", { skip }, () => {
  const cluster = useOperator();
  after(() => installDefinition(cluster.client));

  const readySink = async (name: string, spec: Record<string, unknown> = {}): Promise<string[]> => {
    const replicas = Number(spec["replicas"] ?? 1);
    await cluster.create(KINESIS_SINKS, sinkManifest(name, spec));
    const pods = (await untilPods(cluster, name, replicas)).map(({ metadata }) => metadata.name);
    for (const pod of pods) {
      await setReady(cluster, pod, true);
      await report(cluster, name, { pod, state: "Running" });
    }
    await untilCondition(cluster, name, "Ready", { status: "True", reason: "WorkersReady" });
    return pods;
  };
  /** Makes a sink by the name of `probe`, until the server treats it as the definition that was just applied says. */
  const untilServed = (what: string, manifest: KubeObject, served: (probe: object) => boolean) =>
    eventually(`${what} is served`, async () => {
      await cluster.create(KINESIS_SINKS, manifest);
      const probe = await sink(cluster, "probe");
      await cluster.remove(KINESIS_SINKS, "probe");
      assert.ok(served(probe), "not yet");
    });

  describe("newer than operator and workers", () => {
    before(async () => {
      await installDefinition(cluster.client, addFields);
      const manifest = sinkManifest("probe", { paused: true });
      await untilServed("the new field", manifest, (probe) => JSON.stringify(probe).includes("newByDefault"));
    });

    test("leaves every sink Ready, and tells which fields have no effect", async () => {
      const config = { awsKinesisStreamName: "orders", awsRegion: "us-west-2", newSetting: 3 };
      await readySink("newer", { config });
      // A watch that was open before ends soon, and until then brings sinks as the definition before had them.
      await eventually("both fields are told", async () => {
        const { ignoredProperties } = (await sink(cluster, "newer")).status;
        assert.deepEqual(ignoredProperties?.toSorted(), ["spec.config.newSetting", "spec.newByDefault"]);
      });
      await untilCondition(cluster, "newer", "Ready", { status: "True", reason: "WorkersReady" });
      assert.equal(await condition(cluster, "newer", "Stalled"), undefined);
    });

    test("hands the workers all of it, for theirs may be the version that knows it", async () => {
      // That of an earlier spec is there for some minutes more.
      const unknownFields = await eventually("the copy of the whole spec", async () => {
        const all = await cluster.list<ConfigMapObject & KubeObject>(CONFIG_MAPS);
        const copies = all
          .filter(({ metadata }) => metadata.name.startsWith("newer-kinesis-sink-"))
          .map(({ data }) => readCopy(data["sink.json"] ?? ""));
        const copy = copies.find(({ manifest }) => (manifest.spec as { newByDefault?: string }).newByDefault === "on");
        assert.ok(copy);
        return copy.unknownFields;
      });
      assert.deepEqual(unknownFields.toSorted(), ["spec.config.newSetting", "spec.newByDefault"]);
    });
  });

  describe("the present one, under programs that are newer", () => {
    before(() => installDefinition(cluster.client));

    test("keeps what they write into the status, whole", async () => {
      const [pod = ""] = await readySink("future");
      const lastTransitionTime = "2026-01-01T00:00:00Z";
      const fresh = { type: "Hibernating", status: "True", reason: "Night", message: "", lastTransitionTime, since: 1 };
      const entry = { pod, state: "Hibernating", mood: "good", source: { connected: true, tls: true } };
      const apply = (fieldManager: string, status: object) =>
        cluster.client.request({
          method: "PATCH",
          path: objectPath(KINESIS_SINKS, cluster.namespace, "future", "status"),
          query: { fieldManager, force: true },
          contentType: "application/apply-patch+yaml",
          body: {
            apiVersion: KINESIS_SINKS.apiVersion,
            kind: KINESIS_SINKS.kind,
            metadata: { name: "future" },
            status,
          },
        });
      await apply("newer-operator", { phase: "Night", conditions: [fresh], totals: { joules: 5 } });
      await apply(pod, { workers: [entry] });
      const { status } = await sink(cluster, "future");
      assert.partialDeepStrictEqual(status as object, { phase: "Night", totals: { joules: 5 }, workers: [entry] });
      assert.deepEqual(
        status.conditions?.find(({ type }) => (type as string) === "Hibernating"),
        fresh,
      );
      await setReady(cluster, pod, false);
      await untilCondition(cluster, "future", "Ready", { status: "False" });
    });
  });

  describe("older than operator and workers", () => {
    const absurd = 2 ** 63 - 1024;

    before(async () => {
      await installDefinition(cluster.client, firstRelease);
      await eventually("the old definition is served", async () => {
        const body = { apiVersion: KINESIS_SINKS.apiVersion, kind: KINESIS_SINKS.kind, metadata: { name: "future" } };
        const written = await cluster.client
          .request({
            method: "PATCH",
            path: objectPath(KINESIS_SINKS, cluster.namespace, "future", "status"),
            query: { fieldManager: "probe", dryRun: "All" },
            contentType: "application/apply-patch+yaml",
            body: { ...body, status: { ignoredProperties: ["x"] } },
          })
          .catch((error: unknown) => error);
        assert.match(String(written), /field not declared in schema/);
      });
    });

    test("gets all of the operator's status but what it has no place for, and that is told once", async () => {
      await readySink("older", { config: { awsKinesisStreamName: "a", awsRegion: "us-west-2", minConnections: 1 } });
      await cluster.patch(KINESIS_SINKS, "older", { spec: { paused: true } });
      await untilPods(cluster, "older", 0);
      await untilCondition(cluster, "older", "Ready", undefined);
      const { metadata, status } = await sink(cluster, "older");
      assert.equal(status.observedGeneration, metadata.generation);
      assert.equal(await condition(cluster, "older", "Paused"), undefined);
      assert.equal(status.ignoredProperties, undefined);
      const events = await cluster.list<KubeObject & { reason: string; message: string }>(CORE_EVENTS);
      const told = events.filter(({ reason }) => reason === "DefinitionTooOld").map(({ message }) => message);
      assert.equal(told.length, 2, "once for each field or condition, not for each sink");
      assert.ok(told.some((message) => /^CRD too old: .*status\.ignoredProperties.*apply/.test(message)));
      assert.ok(told.some((message) => /type=Paused/.test(message)));
    });

    test("gets a worker's report but what it has no place for, and the log tells it once", async () => {
      const [pod = ""] = await readySink("reported");
      const { uid } = (await sink(cluster, "reported")).metadata;
      const lines: string[] = [];
      const log: Logger = { ...silentLog, warn: (message) => void lines.push(message) };
      const client = createKubeClient(cluster.operatorConfig, { requestTimeoutMs: 30_000 });
      const target = { namespace: cluster.namespace, name: "reported", uid, pod };
      const publish = createStatusPublisher(client, target, {
        clock: systemClock,
        log,
        onLogLevel: () => {},
        onLagTarget: () => {},
      });
      const entry: WorkerStatus = {
        pod,
        state: "Running",
        source: { connected: true, endedPartitions: 1, partitions: 4 },
        delivered: 5,
        redelivered: 2,
      };
      for (let beat = 0; beat < 2; beat += 1) await publish(entry, AbortSignal.timeout(30_000));
      client.close();
      const { status } = await sink(cluster, "reported");
      const expected = { pod, state: "Running", source: { connected: true, partitions: 4 }, delivered: 5 };
      assert.deepEqual(status.workers, [expected]);
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? "", /CRD too old.*status\.workers\[\]/);
    });

    test("lets one worker's absurd number stop no status, neither then nor with the present definition", async () => {
      const config = { awsKinesisStreamName: "orders", awsRegion: "us-west-2", retainOrdering: true };
      const [one = "", two = ""] = await readySink("absurd", { config, replicas: 2 });
      for (const pod of [one, two]) await report(cluster, "absurd", { pod, state: "Running", backlog: absurd });
      await eventually("the totals are written", async () => {
        const { totals } = (await sink(cluster, "absurd")).status;
        assert.equal(totals?.backlog, Number.MAX_SAFE_INTEGER);
      });
      await installDefinition(cluster.client);
      await eventually("the present definition is served", () =>
        assert.rejects(report(cluster, "absurd", { pod: one, state: "Running", backlog: absurd - 1024 }), /backlog/),
      );
      for (const pod of [one, two]) await setReady(cluster, pod, false);
      await untilCondition(cluster, "absurd", "Ready", { status: "False", reason: "WorkersStarting" });
      const worker = (await sink(cluster, "absurd")).status.workers?.find(({ pod }) => pod === two);
      assert.equal(worker?.backlog, absurd);
    });
  });
});
