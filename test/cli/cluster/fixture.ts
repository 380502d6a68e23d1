import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Condition, KinesisSink, KinesisSinkStatus } from "../../../crds/kinesissink.generated.ts";
import { fakeApiServer, sendJson } from "../../fakes/api-server.ts";
import { liveSink } from "../../operator/sink-fixture.ts";
import { commandLine, type Ran } from "../command-line.ts";

export interface FakeCluster {
  readonly sinks: KinesisSink[];
  readonly pods: object[];
  readonly events: object[];
  /** Namespaces in which nothing may be changed. */
  readonly readOnly: Set<string>;
  /** Method and path with query of each request. */
  readonly requests: string[];
  /** Runs `kinesis-sink` on it. */
  run(...args: readonly string[]): Promise<Ran>;
  close(): Promise<void>;
}

/** A sink as the operator has left it. */
export function observed(name: string, status: KinesisSinkStatus, spec = {}, metadata = {}): KinesisSink {
  const sink = liveSink(spec, { name, uid: `uid-${name}`, ...metadata });
  return { ...sink, status: { observedGeneration: sink.metadata.generation ?? 1, ...status } };
}

export function condition(
  type: Condition["type"],
  status: Condition["status"],
  reason: string,
  message = "",
): Condition {
  return { type, status, reason, message, lastTransitionTime: "2026-11-28T12:00:00Z" };
}

/** An API server that holds sinks, pods and events, and a kubeconfig that names it. Its current namespace is `shop`. */
export async function fakeCluster(): Promise<FakeCluster> {
  const sinks: KinesisSink[] = [];
  const pods: object[] = [];
  const events: object[] = [];
  const readOnly = new Set<string>();
  const requests: string[] = [];
  const server = await fakeApiServer(async (url, response, request) => {
    requests.push(`${request.method} ${decodeURIComponent(url.pathname + url.search)}`);
    const [, namespace, resource, name] = /\/namespaces\/([^/]+)\/(\w+)(?:\/(.+))?$/.exec(url.pathname) ?? [];
    if (resource === "pods") return sendJson(response, 200, { items: pods });
    if (resource === "events") return sendJson(response, 200, { items: events });
    const here = sinks.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    if (name === undefined)
      return sendJson(response, 200, { items: selected(here, url.searchParams.get("labelSelector")) });
    const sink = here.find(({ metadata }) => metadata.name === name);
    if (sink === undefined) return sendJson(response, 404, { reason: "NotFound", message: `${name} not found` });
    if (request.method !== "PATCH") return sendJson(response, 200, sink);
    if (readOnly.has(namespace ?? "")) return sendJson(response, 403, { reason: "Forbidden", message: "you may not" });
    Object.assign(sink.spec, (await body(request)).spec);
    return sendJson(response, 200, sink);
  });
  const folder = await mkdtemp(join(tmpdir(), "cluster-"));
  const kubeconfig = join(folder, "config");
  await writeFile(kubeconfig, JSON.stringify(configFor(server.access.getCurrentCluster()?.server ?? "")));
  return {
    sinks,
    pods,
    events,
    readOnly,
    requests,
    run: (...args) => commandLine([...args, "--kubeconfig", kubeconfig]),
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

function selected(sinks: readonly KinesisSink[], selector: string | null): KinesisSink[] {
  const [label = "", value] = (selector ?? "").split("=");
  return sinks.filter(({ metadata }) => !selector || metadata.labels?.[label] === value);
}

async function body(request: IncomingMessage): Promise<{ spec: object }> {
  return JSON.parse(await text(request));
}

function configFor(server: string) {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [
      { name: "test", cluster: { server, "insecure-skip-tls-verify": true } },
      { name: "gone", cluster: { server: "http://127.0.0.1:1", "insecure-skip-tls-verify": true } },
    ],
    users: [{ name: "me", user: { token: "hunter2-token" } }],
    contexts: [
      { name: "test", context: { cluster: "test", user: "me", namespace: "shop" } },
      { name: "gone", context: { cluster: "gone", user: "me" } },
    ],
  };
}
