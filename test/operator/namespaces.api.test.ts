import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { DEPLOYMENTS, type KubeObject, ROLE_BINDINGS } from "../../operator/kube/objects.ts";
import { collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useCluster } from "./api/fixture.ts";
import { runOperator } from "./api/operator.ts";
import { sinkManifest } from "./api/sinks.ts";

describe("an operator of two namespaces, one of which does not exist yet", { skip }, () => {
  const laterOf = (namespace: string) => `${namespace}-later`;
  const cluster = useCluster((opened) => {
    const namespaces = `${opened.namespace},${laterOf(opened.namespace)}`;
    return runOperator(opened, { WATCH_NAMESPACES: namespaces }).stop;
  });
  after(async () => {
    await cluster.client.request({ method: "DELETE", path: `/api/v1/namespaces/${laterOf(cluster.namespace)}` });
  });

  test("serves the one, and takes up the other when it is there with its permissions", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("here"));
    await eventually("the Deployment here", async () => assert.ok(await cluster.get(DEPLOYMENTS, "here-kinesis-sink")));

    const later = laterOf(cluster.namespace);
    const post = (path: string, body: object) => cluster.client.request({ method: "POST", path, body });
    await post("/api/v1/namespaces", { metadata: { name: later } });
    const binding = await cluster.get<KubeObject & Record<string, unknown>>(ROLE_BINDINGS, cluster.namespace);
    const { roleRef, subjects } = binding ?? assert.fail();
    await post(collectionPath(ROLE_BINDINGS, later), { metadata: { name: later }, roleRef, subjects });
    const manifest = { apiVersion: "pulsar-kinesis.io/v1alpha1", kind: KINESIS_SINKS.kind, ...sinkManifest("there") };
    await post(collectionPath(KINESIS_SINKS, later), manifest);
    await eventually("the Deployment there", () =>
      cluster.client.request({ path: objectPath(DEPLOYMENTS, later, "there-kinesis-sink") }),
    );
  });
});
