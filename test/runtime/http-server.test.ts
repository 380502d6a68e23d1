import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { serveHttp } from "../../runtime/http-server.ts";
import { until } from "../until.ts";

test("known paths answer, others are 404, other methods 405, a route that throws 500", async (t) => {
  const server = await serveHttp({
    port: 0,
    host: "127.0.0.1",
    routes: {
      "/livez": () => ({ status: 200, body: "ok\n" }),
      "/broken": () => {
        throw new Error("no metrics");
      },
    },
  });
  t.after(() => server.close());
  const status = async (path: string, method = "GET") =>
    (await fetch(`http://127.0.0.1:${server.port}${path}`, { method })).status;
  assert.equal(await status("/livez?verbose"), 200);
  assert.equal(await status("/constructor"), 404);
  assert.equal(await status("/livez", "POST"), 405);
  assert.equal(await status("/broken"), 500);
});

test("a connection that sends no request is closed within seconds", async (t) => {
  const server = await serveHttp({ port: 0, host: "127.0.0.1", routes: {} });
  t.after(() => server.close());
  const socket = connect(server.port, "127.0.0.1");
  socket.write("GET /livez HTTP/1.1\r\n");
  socket.resume();
  const since = performance.now();
  await once(socket, "close");
  assert.ok(performance.now() - since < 30_000, "not the minute that Node.js waits");
});

test("whoever holds connections without end does not keep others from an answer", async (t) => {
  const server = await serveHttp({
    port: 0,
    host: "127.0.0.1",
    routes: { "/livez": () => ({ status: 200, body: "ok\n" }) },
  });
  t.after(() => server.close());
  let closed = 0;
  for (let count = 0; count < 300; count += 1) {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("close", () => {
      closed += 1;
    });
    await once(socket, "connect");
  }
  assert.equal((await fetch(`http://127.0.0.1:${server.port}/livez`)).status, 200);
  await until("the oldest connections are closed", async () => closed >= 300 - 64, { pollMs: 20 });
});
