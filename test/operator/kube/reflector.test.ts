import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { objectKey } from "../../../operator/kube/objects.ts";
import { createReflector, type ReflectorOptions } from "../../../operator/kube/reflector.ts";
import { createStore, type Stored } from "../../../operator/kube/store.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { createKubeClient } from "../../../runtime/kube/client.ts";
import { createLogger } from "../../../runtime/log.ts";
import { fakeApiServer, sendEvent, sendJson } from "../../fakes/api-server.ts";
import { until } from "../../until.ts";

const pod = (name: string, resourceVersion: string) => ({ metadata: { name, namespace: "n", resourceVersion } });
const list = (items: object[], resourceVersion: string, token?: string) => ({
  metadata: { resourceVersion, ...(token ? { continue: token } : {}) },
  items,
});

interface Mirror {
  names(): string[];
  /** Keys of changes, in the order in which they were told. */
  readonly changes: string[];
  /** Requests as `list`, or `watch@VERSION`. */
  asked(): string[];
  restarts(): number;
}

const QUICKLY = { pollMs: 10 };

/** Mirrors `/pods` of a fake server until `test` is through. */
async function mirrored(
  answer: (url: URL, response: ServerResponse, nth: number) => void,
  check: (mirror: Mirror) => Promise<void>,
  options: Partial<ReflectorOptions> = {},
): Promise<void> {
  const counts = new Map<boolean, number>();
  const server = await fakeApiServer((url, response) => {
    const watch = url.searchParams.has("watch");
    counts.set(watch, (counts.get(watch) ?? 0) + 1);
    answer(url, response, counts.get(watch) ?? 0);
  });
  const changes: string[] = [];
  const store = createStore<Stored>({
    reduce: ({ metadata }) => ({
      key: objectKey(metadata.namespace, metadata.name),
      resourceVersion: metadata.resourceVersion ?? "",
    }),
    groupOf: ({ key }) => key,
    onChange: (key) => changes.push(key),
  });
  const client = createKubeClient(server.access, { userAgent: "test", requestTimeoutMs: 2000 });
  let restarts = 0;
  const reflector = createReflector({
    client,
    clock: systemClock,
    logger: createLogger({ program: "test", level: "error" }),
    name: "pods",
    path: "/pods",
    store,
    random: () => 0,
    onRestart: () => {
      restarts += 1;
    },
    ...options,
  });
  const stop = new AbortController();
  const ended = reflector.run(stop.signal);
  try {
    await check({
      changes,
      restarts: () => restarts,
      names: () => [...store.values()].map(({ key }) => key).sort(),
      asked: () =>
        server.requests.map(({ searchParams }) =>
          searchParams.has("watch") ? `watch@${searchParams.get("resourceVersion")}` : "list",
        ),
    });
  } finally {
    stop.abort();
    await ended;
    client.close();
    await server.close();
  }
}

test("lists page by page, then watches from the list's version", async () => {
  await mirrored(
    (url, response) => {
      if (url.searchParams.has("watch")) {
        response.writeHead(200);
        sendEvent(response, "ADDED", pod("c", "6"));
        sendEvent(response, "DELETED", pod("a", "7"));
        return;
      }
      assert.equal(url.searchParams.get("limit"), "2");
      if (url.searchParams.get("continue") === "next") sendJson(response, 200, list([pod("b", "2")], "5"));
      else sendJson(response, 200, list([pod("a", "1"), pod("z", "1")], "5", "next"));
    },
    async (mirror) => {
      await until(
        "the watch was heard",
        async () => mirror.names().includes("n/c") && !mirror.names().includes("n/a"),
        QUICKLY,
      );
      assert.deepEqual(mirror.names(), ["n/b", "n/c", "n/z"]);
      assert.deepEqual(mirror.asked(), ["list", "list", "watch@5"]);
    },
    { pageSize: 2 },
  );
});

test("a continue token that expires half-way starts the list again, in one piece", async () => {
  await mirrored(
    (url, response) => {
      if (url.searchParams.has("watch")) return response.writeHead(200).flushHeaders();
      if (url.searchParams.has("continue")) return sendJson(response, 410, { reason: "Expired", code: 410 });
      if (url.searchParams.has("limit")) return sendJson(response, 200, list([pod("old", "1")], "5", "next"));
      sendJson(response, 200, list([pod("new", "8")], "9"));
    },
    async (mirror) => {
      await until("the watch", async () => mirror.asked().includes("watch@9"), QUICKLY);
      assert.deepEqual(mirror.names(), ["n/new"]);
    },
  );
});

test("a watch that ends goes on from the last version heard, a bookmark's too, without a list", async () => {
  await mirrored(
    (url, response, nth) => {
      if (!url.searchParams.has("watch")) return sendJson(response, 200, list([], "5"));
      response.writeHead(200);
      if (nth === 1) sendEvent(response, "ADDED", pod("a", "6"));
      if (nth === 2) sendEvent(response, "BOOKMARK", { metadata: { resourceVersion: "40" } });
      if (nth < 3) response.end();
      else response.flushHeaders();
    },
    async (mirror) => {
      await until("the third watch", async () => mirror.asked().includes("watch@40"), QUICKLY);
      assert.deepEqual(mirror.asked(), ["list", "watch@5", "watch@6", "watch@40"]);
      assert.deepEqual(mirror.names(), ["n/a"]);
    },
  );
});

for (const how of ["as an event", "as an answer"]) {
  test(`a version that the server has forgotten, told ${how}, makes a new list, and what went meanwhile is gone`, async () => {
    await mirrored(
      (url, response, nth) => {
        if (!url.searchParams.has("watch")) {
          return sendJson(
            response,
            200,
            nth === 1 ? list([pod("a", "1"), pod("b", "1")], "5") : list([pod("b", "1")], "90"),
          );
        }
        if (nth > 1) return response.writeHead(200).flushHeaders();
        if (how === "as an answer") return sendJson(response, 410, { reason: "Expired", code: 410 });
        response.writeHead(200);
        sendEvent(response, "ERROR", { kind: "Status", code: 410, reason: "Expired" });
        response.end();
      },
      async (mirror) => {
        await until("the second watch", async () => mirror.asked().includes("watch@90"), QUICKLY);
        assert.deepEqual(mirror.names(), ["n/b"]);
        assert.deepEqual(mirror.changes, ["n/a", "n/b", "n/a"]);
        assert.equal(mirror.restarts(), 1);
      },
    );
  });
}

test("a watch that stays open and silent is given up and started again", async () => {
  await mirrored(
    (url, response, nth) => {
      if (!url.searchParams.has("watch")) return sendJson(response, 200, list([], "5"));
      response.writeHead(200);
      response.flushHeaders();
      if (nth === 2) sendEvent(response, "ADDED", pod("late", "6"));
    },
    async (mirror) => {
      await until("the second watch", async () => mirror.names().includes("n/late"), QUICKLY);
      assert.equal(mirror.restarts(), 1);
    },
    { timeoutSeconds: { min: 1, max: 1 }, graceMs: 100 },
  );
});

test("errors of every kind are retried, with a pause between", async () => {
  const began = Date.now();
  await mirrored(
    (url, response, nth) => {
      if (url.searchParams.has("watch")) return response.writeHead(200).flushHeaders();
      if (nth === 1) return sendJson(response, 500, { reason: "InternalError" });
      if (nth === 2) return sendJson(response, 403, { reason: "Forbidden" });
      if (nth === 3) return void response.socket?.destroy();
      if (nth === 4) return void response.writeHead(200).end("not JSON");
      sendJson(response, 200, list([pod("a", "1")], "5"));
    },
    async (mirror) => {
      await until("the list", async () => mirror.names().length === 1, QUICKLY);
      assert.equal(mirror.restarts(), 4);
      assert.ok(Date.now() - began >= 400, "at least 100 ms each");
    },
  );
});

test("a server that ends every watch at once is not asked in a tight loop", async () => {
  await mirrored(
    (url, response) => {
      if (url.searchParams.has("watch")) response.writeHead(200).end();
      else sendJson(response, 200, list([], "5"));
    },
    async (mirror) => {
      const began = performance.now();
      await until("five watches", async () => mirror.asked().length >= 6, QUICKLY);
      const took = performance.now() - began;
      assert.ok(took > 350, `${took} ms, with four pauses of at least 100 ms`);
    },
  );
});

test("a text that is cut anywhere is put together", async () => {
  await mirrored(
    (url, response) => {
      if (!url.searchParams.has("watch")) return sendJson(response, 200, list([], "5"));
      response.writeHead(200);
      const bytes = Buffer.from(`${JSON.stringify({ type: "ADDED", object: pod("größe-日本", "6") })}\n`);
      const send = (at: number) => {
        if (at >= bytes.length) return;
        response.write(bytes.subarray(at, at + 1));
        setImmediate(() => send(at + 1));
      };
      send(0);
    },
    async (mirror) => {
      await until("the event", async () => mirror.names().includes("n/größe-日本"), QUICKLY);
    },
  );
});
