import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dump } from "js-yaml";
import { children } from "../../../operator/desired/children.ts";
import { apiVersion } from "../../../runtime/kube/resource-type.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const GOLDEN = join(import.meta.dirname, "golden");

/** Sinks whose whole objects are written down in golden/: a change of them must be meant. UPDATE_GOLDEN=1 writes them anew. */
const SINKS = {
  minimal: liveSink(),
  "every-field": liveSink({
    config: {
      awsKinesisStreamName: "orders",
      awsEndpoint: "https://kinesis.example.com:4567",
      awsCredentialPluginName: "org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin",
      awsCredentialPluginParam: '{"roleArn":"arn:aws:iam::1:role/r","roleSessionName":"inline-secret"}',
      retainOrdering: true,
    },
    secrets: undefined,
    pulsar: {
      serviceUrl: "pulsar+ssl://pulsar:6651",
      listenerName: "internal",
      topics: ["orders"],
      auth: { tls: { name: "client-certificate" } },
      tls: { ca: { configMap: { name: "pulsar-ca" } } },
    },
    aws: { ca: { configMap: { name: "aws-ca" } } },
    replicas: 3,
    logLevel: "debug",
    serviceAccount: { annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r" } },
    pod: {
      resources: { limits: { cpu: 1, memory: "1Gi" } },
      labels: { team: "shop" },
      annotations: { "example.com/note": "yes" },
      nodeSelector: { disk: "ssd" },
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname" }],
        },
      },
      tolerations: [{ key: "dedicated", operator: "Exists", effect: "NoSchedule" }],
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule" },
      ],
      priorityClassName: "high",
      runtimeClassName: "gvisor",
      hostAliases: [{ ip: "10.0.0.1", hostnames: ["broker.example.com"] }],
      dnsConfig: { searches: ["pulsar.svc"], options: [{ name: "ndots", value: "2" }] },
      volumes: [{ name: "files", configMap: { name: "files", optional: true } }],
      volumeMounts: [{ name: "files", mountPath: "/files", readOnly: true }],
      env: [{ name: "HTTPS_PROXY", value: "http://proxy:3128" }],
      image: "example.com/own:2",
      imagePullSecrets: [{ name: "registry" }],
      terminationGracePeriodSeconds: 120,
    },
  }),
  "named-account-paused": liveSink({ serviceAccount: { name: "mine" }, paused: true, replicas: 5 }),
};

for (const [name, sink] of Object.entries(SINKS)) {
  test(`the objects of the sink "${name}" are as written down`, () => {
    const documents = children(sink, WORKER_DEFAULTS).flatMap(({ type, object }) =>
      object
        ? [dump({ apiVersion: apiVersion(type), kind: type.kind, ...object }, { lineWidth: 140, noRefs: true })]
        : [],
    );
    const rendered = documents.join("---\n");
    const file = join(GOLDEN, `${name}.yaml`);
    if (process.env["UPDATE_GOLDEN"] === "1") {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(file, rendered);
    }
    assert.ok(existsSync(file), `${file} is missing: run with UPDATE_GOLDEN=1`);
    assert.equal(rendered, readFileSync(file, "utf8"));
    assert.doesNotMatch(rendered, /inline-secret/);
  });
}
