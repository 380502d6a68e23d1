import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { createWatches } from "../../../operator/cluster/watches.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { createKubeClient } from "../../../runtime/kube/client.ts";
import { createLogger } from "../../../runtime/log.ts";
import { fakeApiServer, sendEvent, sendJson } from "../../fakes/api-server.ts";
import { until } from "../../until.ts";

const SINKS = /^\/apis\/pulsar-kinesis\.io\/v1alpha1\/namespaces\/(?<namespace>\w+)\/kinesissinks$/;

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
    onChange: (key) => changes.push(key),
    onWatchRestart: () => {},
  });
  const stop = new AbortController();
  const ended = watches.run(stop.signal);
  try {
    const { cluster } = watches;
    await until("everything is listed and watched", async () => watches.synced() && watching.size === 2, {
      pollMs: 10,
    });
    assert.deepEqual(changes.sort(), ["one/orders", "two/orders"]);
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
