import assert from "node:assert/strict";
import { test } from "node:test";
import { serveHttp } from "../../runtime/http-server.ts";

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
