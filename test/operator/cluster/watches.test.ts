import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { createWatches, type Watches } from "../../../operator/cluster/watches.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { createKubeClient } from "../../../runtime/kube/client.ts";
import { createLogger, type Logger } from "../../../runtime/log.ts";
import { fakeApiServer, sendEvent, sendJson } from "../../fakes/api-server.ts";
import { silentLog } from "../../silent-log.ts";
import { until } from "../../until.ts";

const SINKS = /^\/apis\/pulsar-kinesis\.io\/v1alpha1\/namespaces\/(?<namespace>\w+)\/kinesissinks$/;

const synced = (watches: Watches) => watches.scopes().every((scope) => scope.synced);

test("each namespace's objects are mirrored, listed or watched, and go with their own namespace's events alone", async () => {
  const watching = new Map<string, ServerResponse>();
  const sink = (namespace: string, resourceVersion: string) => ({
    metadata: { name: "orders", namespace, resourceVersion },
  });
  const server = await fakeApiServer(({ pathname, searchParams }, response) => {
    const namespace = SINKS.exec(pathname)?.groups?.["namespace"];
    if (!searchParams.has("watch")) {
      const items = namespace === undefined ? [] : [sink(namespace, "1")];
      sendJson(response, 200, { metadata: { resourceVersion: "1" }, items });
      return;
    }
    response.writeHead(200);
    response.flushHeaders();
    if (namespace !== undefined) watching.set(namespace, response);
  });
  const client = createKubeClient(server.access, { requestTimeoutMs: 60_000 });
  const changes: string[] = [];
  const watches = createWatches({
    client,
    clock: systemClock,
    logger: createLogger({ program: "test", level: "error" }),
    namespaces: ["one", "two"],
    operatorClass: "default",
    onChange: (key) => changes.push(key),
    onWatchRestart: () => {},
  });
  const stop = new AbortController();
  const ended = watches.run(stop.signal);
  try {
    const { cluster } = watches;
    await until("everything is listed and watched", async () => synced(watches) && watching.size === 2, {
      pollMs: 10,
    });
    assert.deepEqual(changes.sort(), ["one/orders", "two/orders"]);
    const lists = server.requests.filter(({ searchParams }) => !searchParams.has("watch"));
    assert.deepEqual(new Set(lists.map(({ searchParams }) => searchParams.get("limit"))), new Set(["20"]), "in pages");
    const of = (namespace: string) => watching.get(namespace) ?? assert.fail();
    sendEvent(of("one"), "MODIFIED", sink("one", "2"));
    sendEvent(of("two"), "DELETED", sink("two", "2"));
    await until("the events are heard", async () => changes.length === 4, { pollMs: 10 });
    assert.ok(cluster.sink("one/orders"));
    assert.equal(cluster.sink("two/orders"), undefined);
  } finally {
    stop.abort();
    await ended;
    client.close();
    await server.close();
  }
});

const FORBIDDEN = { kind: "Status", code: 403, reason: "Forbidden", message: "pods is forbidden" };

test("a namespace that may not be seen holds up its own sinks alone, is told, and is taken up when it may", async () => {
  let allowed = false;
  const server = await fakeApiServer(({ pathname, searchParams }, response) => {
    const [, namespace = "", plural] = /\/namespaces\/(\w+)\/(\w+)$/.exec(pathname) ?? [];
    if (namespace === "two" && plural === "roles" && !allowed) return sendJson(response, 403, FORBIDDEN);
    if (searchParams.has("watch")) return response.writeHead(200).flushHeaders();
    const items = plural === "kinesissinks" ? [{ metadata: { name: "orders", namespace, resourceVersion: "1" } }] : [];
    sendJson(response, 200, { metadata: { resourceVersion: "1" }, items });
  });
  const client = createKubeClient(server.access, { requestTimeoutMs: 60_000 });
  const changes: string[] = [];
  const warnings: unknown[] = [];
  const logger: Logger = {
    ...silentLog,
    warn: (_message, { resource, namespace } = {}) => void warnings.push({ resource, namespace }),
  };
  const watches = createWatches({
    client,
    clock: systemClock,
    logger,
    namespaces: ["one", "two"],
    operatorClass: "default",
    onChange: (key) => changes.push(key),
    onWatchRestart: () => {},
  });
  const stop = new AbortController();
  const ended = watches.run(stop.signal);
  try {
    const failing = () =>
      watches.scopes().flatMap(({ namespace, failures }) => failures.map((one) => ({ namespace, ...one })));
    await until("the other is in sync", async () => watches.scopes()[0]?.synced === true && failing().length > 0, {
      pollMs: 10,
    });
    assert.deepEqual(changes, ["one/orders"]);
    assert.ok(watches.cluster.sink("two/orders"), "listed, and not to be acted on");
    const why = "403 Forbidden: does the namespace exist, and is the operator's role bound there?";
    assert.deepEqual(failing(), [{ namespace: "two", resource: "roles", why }]);
    assert.deepEqual(warnings, [{ resource: "roles", namespace: "two" }]);
    allowed = true;
    await until("both are in sync", async () => synced(watches), { pollMs: 10 });
    assert.deepEqual([changes, failing()], [["one/orders", "two/orders"], []]);
  } finally {
    stop.abort();
    await ended;
    client.close();
    await server.close();
  }
});

test("sinks of another class are as if they did not exist, and go when they change their class", async () => {
  const sink = (name: string, resourceVersion: string, operatorClass?: string) => ({
    metadata: { name, namespace: "shop", resourceVersion },
    spec: operatorClass === undefined ? {} : { class: operatorClass },
  });
  let watching: ServerResponse | undefined;
  const server = await fakeApiServer(({ pathname, searchParams }, response) => {
    const isSinks = SINKS.test(pathname);
    if (!searchParams.has("watch")) {
      const items = isSinks ? [sink("none", "1"), sink("empty", "1", ""), sink("blue", "1", "blue")] : [];
      sendJson(response, 200, { metadata: { resourceVersion: "1" }, items });
      return;
    }
    response.writeHead(200);
    response.flushHeaders();
    if (isSinks) watching = response;
  });
  const client = createKubeClient(server.access, { requestTimeoutMs: 60_000 });
  const changes: string[] = [];
  const watches = createWatches({
    client,
    clock: systemClock,
    logger: silentLog,
    namespaces: ["shop"],
    operatorClass: "default",
    onChange: (key) => changes.push(key),
    onWatchRestart: () => {},
  });
  const stop = new AbortController();
  const ended = watches.run(stop.signal);
  try {
    await until("all is listed and watched", async () => synced(watches) && watching !== undefined, { pollMs: 10 });
    assert.deepEqual(changes.splice(0).sort(), ["shop/empty", "shop/none"]);
    const response = watching ?? assert.fail();
    sendEvent(response, "MODIFIED", sink("none", "2", "blue"));
    sendEvent(response, "MODIFIED", sink("blue", "3", "default"));
    await until("both changes are told", async () => changes.length === 2, { pollMs: 10 });
    assert.deepEqual(changes.sort(), ["shop/blue", "shop/none"]);
    assert.equal(watches.cluster.sink("shop/none"), undefined);
    assert.ok(watches.cluster.sink("shop/blue"));
  } finally {
    stop.abort();
    await ended;
    client.close();
    await server.close();
  }
});
