import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { readText } from "../../runtime/http-answer.ts";

type Serve = (response: ServerResponse) => void;

/** A server whose answers the test writes; `closed` resolves when a client left before the end of one. */
async function serve(t: TestContext, write: Serve) {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const server = createServer((_, response) => {
    response.on("close", () => {
      if (!response.writableFinished) resolve();
    });
    write(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, closed };
}

const ways: Readonly<Record<string, (url: string) => Promise<AsyncIterable<Uint8Array>>>> = {
  "http.request": async (url) => {
    const [answer] = (await once(request(url).end(), "response")) as [IncomingMessage];
    return answer;
  },
  fetch: async (url) => (await fetch(url)).body ?? assert.fail("no body"),
};

for (const [way, ask] of Object.entries(ways)) {
  describe(`an answer to ${way}`, () => {
    test("is read to its end when it is as large as it may be", async (t) => {
      const { url } = await serve(t, (response) => {
        response.write("0123");
        response.end("456789");
      });
      assert.equal(await readText(await ask(url), 10), "0123456789");
    });

    test("that never ends is given up once it is larger, and its connection closed", async (t) => {
      const { url, closed } = await serve(t, (response) => {
        const more = (): void => {
          while (response.write("x".repeat(1_000)));
          response.once("drain", more);
        };
        more();
      });
      await assert.rejects(async () => readText(await ask(url), 100_000), {
        code: "AnswerTooLarge",
        message: "the answer is larger than 100000 bytes",
      });
      await closed;
    });

    test("whose connection breaks is an error, not a short answer", async (t) => {
      const { url } = await serve(t, (response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => response.destroy());
      });
      await assert.rejects(async () => readText(await ask(url), 1_000));
    });
  });
}
