import type { IncomingMessage, ServerResponse } from "node:http";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import {
  DEPLOYMENTS,
  type KubeObject,
  type ManagedFields,
  objectKey,
  PODS,
  REPLICA_SETS,
} from "../../operator/kube/objects.ts";
import type { ResourceType } from "../../runtime/kube/resource-type.ts";
import { type FakeApiServer, fakeApiServer, sendEvent, sendJson } from "./api-server.ts";

type Body = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> };

/** An API server with many sinks, and what its controllers make of their Deployments: pods that are ready and report. */
export interface Fleet extends FakeApiServer {
  /** Writes since the last call, by method and plural; Leases left out. */
  writes(): Map<string, number>;
  /** Connections that watch. */
  watching(): number;
  /** Changes a sink as its user would. */
  change(name: string, spec: Record<string, unknown>): void;
}

export interface FleetOptions {
  readonly sinks: number;
  readonly pods: number;
  /** More of each sink's spec. */
  readonly spec?: Record<string, unknown>;
}

const NAMESPACE = "fleet";
const PATH =
  /^\/apis?\/(?:(?<group>[^/]+\.[^/]+|apps|policy)\/)?v\w+(?:\/namespaces\/[^/]+)?\/(?<plural>[a-z]+)(?:\/(?<name>[^/]+)(?:\/(?<sub>status))?)?$/;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const cluster = new FleetCluster(options);
  const server = await fakeApiServer((url, response, request) => void cluster.answer(url, response, request));
  return {
    ...server,
    writes: () => cluster.takeWrites(),
    watching: () => cluster.watching(),
    change: (name, spec) => cluster.change(name, spec),
  };
}

class FleetCluster {
  readonly #pods: number;
  readonly #objects = new Map<string, Map<string, Body>>();
  readonly #watches = new Map<string, Set<{ response: ServerResponse; metadataOnly: boolean }>>();
  #version = 1;
  #writes = new Map<string, number>();

  constructor({ sinks, pods, spec = {} }: FleetOptions) {
    this.#pods = pods;
    for (let nth = 0; nth < sinks; nth += 1) this.#put(KINESIS_SINKS.plural, sinkObject(`sink-${nth}`, spec));
  }

  takeWrites(): Map<string, number> {
    const writes = this.#writes;
    this.#writes = new Map();
    return writes;
  }

  watching(): number {
    return [...this.#watches.values()].reduce((sum, set) => sum + set.size, 0);
  }

  change(name: string, spec: Record<string, unknown>): void {
    const sink = this.#of(KINESIS_SINKS.plural).get(objectKey(NAMESPACE, name));
    if (!sink) throw new Error(`no sink ${name}`);
    const generation = (sink.metadata.generation ?? 0) + 1;
    this.#put(KINESIS_SINKS.plural, {
      ...sink,
      metadata: { ...sink.metadata, generation },
      spec: { ...sink.spec, ...spec },
    });
  }

  async answer(url: URL, response: ServerResponse, request: IncomingMessage): Promise<void> {
    const { plural = "", name, sub } = PATH.exec(url.pathname)?.groups ?? {};
    const method = request.method ?? "GET";
    const metadataOnly = request.headers.accept?.includes("PartialObjectMetadata") ?? false;
    if (method !== "GET") {
      const key = `${method} ${plural}`;
      if (plural !== "leases") this.#writes.set(key, (this.#writes.get(key) ?? 0) + 1);
      const body = (await readJson(request)) as Body;
      sendJson(response, 200, this.#write(method, plural, name, sub, body));
    } else if (name !== undefined) {
      const found = this.#of(plural).get(objectKey(NAMESPACE, name));
      if (found) sendJson(response, 200, found);
      else sendJson(response, 404, { kind: "Status", reason: "NotFound", code: 404, message: "not found" });
    } else if (url.searchParams.has("watch")) this.#watch(plural, metadataOnly, response);
    else this.#list(plural, metadataOnly, url.searchParams, response);
  }

  #of(plural: string): Map<string, Body> {
    const objects = this.#objects.get(plural) ?? new Map<string, Body>();
    this.#objects.set(plural, objects);
    return objects;
  }

  #put(plural: string, object: Body): Body {
    const key = objectKey(object.metadata.namespace, object.metadata.name);
    const objects = this.#of(plural);
    const type = objects.has(key) ? "MODIFIED" : "ADDED";
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    objects.set(key, stored);
    for (const { response, metadataOnly } of this.#watches.get(plural) ?? []) {
      sendEvent(response, type, metadataOnly ? { metadata: stored.metadata } : stored);
    }
    return stored;
  }

  #list(plural: string, metadataOnly: boolean, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get("continue") ?? "0");
    const all = [...this.#of(plural).values()];
    const to = from + Number(query.get("limit") ?? all.length);
    const items = all.slice(from, to).map((object) => (metadataOnly ? { metadata: object.metadata } : object));
    const more = to < all.length ? { continue: String(to) } : {};
    sendJson(response, 200, { metadata: { resourceVersion: String(this.#version), ...more }, items });
  }

  #watch(plural: string, metadataOnly: boolean, response: ServerResponse): void {
    const watches = this.#watches.get(plural) ?? new Set();
    this.#watches.set(plural, watches);
    const watch = { response, metadataOnly };
    watches.add(watch);
    response.on("close", () => watches.delete(watch));
    response.writeHead(200);
    response.flushHeaders();
  }

  #write(method: string, plural: string, name: string | undefined, sub: string | undefined, body: Body): unknown {
    if (method !== "PATCH" || name === undefined || Array.isArray(body) || plural === "events") return body;
    const key = objectKey(NAMESPACE, name);
    const before = this.#of(plural).get(key);
    if (sub === "status") {
      if (!before) return body;
      return this.#put(plural, { ...before, status: { ...before.status, ...body.status } });
    }
    const { uid = `uid-${plural}-${name}`, generation = 0 } = before?.metadata ?? {};
    const managedFields: ManagedFields[] = [{ manager: "kinesis-sink-operator", operation: "Apply" }];
    const own = { uid, managedFields, namespace: NAMESPACE, ...(body.spec ? { generation: generation + 1 } : {}) };
    const applied = { ...before, ...body, metadata: { ...body.metadata, ...own } } as Body;
    if (plural === DEPLOYMENTS.plural) return this.#rollOut(applied);
    return this.#put(plural, applied);
  }

  /** What the controllers and the kubelet make of a Deployment. */
  #rollOut(deployment: Body): Body {
    const { name, uid = "", labels = {}, generation } = deployment.metadata;
    const available = { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "available" };
    const stored = this.#put(DEPLOYMENTS.plural, {
      ...deployment,
      status: { observedGeneration: generation, conditions: [available] },
    });
    const owned = (type: ResourceType, owner: string) => [
      { apiVersion: `${type.group}/v1`, kind: type.kind, name, uid: owner, controller: true },
    ];
    const metadata = { namespace: NAMESPACE, labels };
    const set = `uid-set-${name}`;
    this.#put(REPLICA_SETS.plural, {
      metadata: { ...metadata, name: `${name}-1`, uid: set, ownerReferences: owned(DEPLOYMENTS, uid) },
    });
    const template = deployment.spec?.["template"] as KubeObject & { spec: object };
    for (let nth = 0; nth < this.#pods; nth += 1) {
      this.#put(PODS.plural, {
        metadata: {
          ...metadata,
          ...template.metadata,
          name: `${name}-1-${nth}`,
          uid: `uid-pod-${name}-${nth}`,
          ownerReferences: owned(REPLICA_SETS, set),
          managedFields: FILLER,
        },
        spec: { ...template.spec },
        status: RUNNING,
      });
    }
    return stored;
  }
}

/** As much as field managers take in reality. */
const FILLER: ManagedFields[] = [
  { manager: "kubectl", operation: "Apply", fieldsV1: Object.fromEntries(range(60).map((n) => [`f:field-${n}`, {}])) },
];

const RUNNING = {
  phase: "Running",
  conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => {
    return { type, status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };
  }),
  containerStatuses: [
    { name: "worker", ready: true, restartCount: 0, state: { running: { startedAt: "2026-01-01T00:00:00Z" } } },
  ],
};

function sinkObject(name: string, more: Record<string, unknown>): Body {
  const workers = range(2).map((nth) => ({
    pod: `${name}-kinesis-sink-1-${nth}`,
    state: "Running",
    reportedAt: new Date().toISOString(),
    source: { connected: true, partitions: 8 },
    stream: { writable: true, shards: 4 },
    ratePerSecond: 1000,
    bytesPerSecond: 200_000,
    delivered: 1_000_000,
    inFlight: 500,
  }));
  return {
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    metadata: {
      name,
      namespace: NAMESPACE,
      uid: `uid-${name}`,
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(SPEC) },
      managedFields: FILLER,
    },
    spec: { ...SPEC, ...more },
    status: { observedGeneration: -1, workers },
  };
}

const SPEC = {
  config: {
    awsKinesisStreamName: "orders",
    awsRegion: "us-west-2",
    retainOrdering: true,
    messageFormat: "ONLY_RAW_PAYLOAD",
    jsonIncludeNonNulls: true,
    jsonFlatten: false,
    retryInitialDelayInMillis: 100,
    retryMaxDelayInMillis: 60_000,
    skipCertificateValidation: false,
    aggregationEnabled: true,
    collectionMaxCount: 500,
    collectionMaxSize: 5_242_880,
    maxConnections: 24,
    connectTimeout: 6000,
    requestTimeout: 6000,
    rateLimit: 150,
    recordTtl: 30_000,
  },
  secrets: { awsCredentialPluginParam: { name: "aws", key: "param" } },
  keyless: "TopicName",
  lingerMillis: 0,
  pulsar: {
    client: "Auto",
    serviceUrl: "pulsar+ssl://pulsar-proxy.pulsar.svc:6651",
    topics: range(4).map((nth) => `persistent://public/default/orders-${nth}`),
    subscription: { initialPosition: "Earliest" },
    receiverQueueSize: 5000,
  },
  replicas: 2,
  paused: false,
  cleanupSubscription: false,
  logLevel: "info",
  pod: { terminationGracePeriodSeconds: 60 },
};

function range(count: number): number[] {
  return Array.from({ length: count }, (_, nth) => nth);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
