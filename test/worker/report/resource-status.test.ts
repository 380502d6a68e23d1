import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { createStatusPublisher, inlineCredentials, type ReportTarget } from "../../../worker/report/resource-status.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";

const TARGET: ReportTarget = { namespace: "shop", name: "orders", uid: "uid-1", pod: "orders-kinesis-sink-x" };
const ENTRY: WorkerStatus = { pod: TARGET.pod, state: "Running" };
const levels: string[] = [];
const lagTargets: boolean[] = [];
const PROGRAM = {
  clock: createVirtualClock(),
  log: silentLog,
  onLogLevel: (level: string) => void levels.push(level),
  onLagTarget: (given: boolean) => void lagTargets.push(given),
};
const signal = new AbortController().signal;

function answering(answer: unknown) {
  const requests: ApiRequest[] = [];
  const client: KubeClient = {
    request: async <T>(request: ApiRequest) => {
      requests.push(request);
      return answer as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  return { client, requests };
}

test("a report is the worker's own entry, applied by the pod's name to this very resource", async () => {
  const { client, requests } = answering({ spec: { replicas: 7 } });
  assert.deepEqual(await createStatusPublisher(client, TARGET, PROGRAM)(ENTRY, signal), { replicas: 7 });
  assert.deepEqual(requests, [
    {
      method: "PATCH",
      path: "/apis/pulsar-kinesis.io/v1alpha1/namespaces/shop/kinesissinks/orders/status",
      query: { fieldManager: TARGET.pod, force: true },
      contentType: "application/apply-patch+yaml",
      body: {
        apiVersion: "pulsar-kinesis.io/v1alpha1",
        kind: "KinesisSink",
        metadata: { name: "orders", uid: "uid-1" },
        status: { workers: [ENTRY] },
      },
      signal,
    },
  ]);
});

test("the log level comes with each answer, and one that this version does not know changes nothing", async () => {
  levels.length = 0;
  for (const logLevel of ["debug", "trace", "warn"]) {
    const { client } = answering({ spec: { replicas: 1, logLevel } });
    await createStatusPublisher(client, TARGET, PROGRAM)(ENTRY, signal);
  }
  assert.deepEqual(levels, ["debug", "warn"]);
});

test("what the operator scales by comes with each answer, and so does the number of workers that it has chosen", async () => {
  lagTargets.length = 0;
  const autoscaling = { minReplicas: 1, maxReplicas: 20, targetLagSeconds: 60 };
  const status = { autoscaling: { replicas: 12 } };
  const scaled = answering({ spec: { replicas: 2, autoscaling }, status });
  assert.deepEqual(await createStatusPublisher(scaled.client, TARGET, PROGRAM)(ENTRY, signal), { replicas: 12 });
  const { client } = answering({ spec: { replicas: 2 }, status });
  assert.deepEqual(await createStatusPublisher(client, TARGET, PROGRAM)(ENTRY, signal), { replicas: 2 });
  assert.deepEqual(lagTargets, [true, false]);
});

test("an inline credential is read from the resource itself, and is empty where there is none", async () => {
  const { client, requests } = answering({ spec: { config: { awsCredentialPluginParam: "{}" } } });
  assert.equal(await inlineCredentials(client, TARGET, signal), "{}");
  assert.equal(requests[0]?.path, "/apis/pulsar-kinesis.io/v1alpha1/namespaces/shop/kinesissinks/orders");
  assert.equal(await inlineCredentials(answering({ spec: { config: {} } }).client, TARGET, signal), "");
});
