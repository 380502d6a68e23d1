import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../../runtime/clock.ts";
import { exchange } from "../../../worker/sink/exchange.ts";

const signal = new AbortController().signal;

/** The event loop does nothing else meanwhile. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A question over TCP, to a server that does this with it. */
async function ask(timeoutMs: number, serve: (socket: Socket) => void) {
  const server = createServer((socket) => void socket.on("data", () => serve(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = createConnection((server.address() as { port: number }).port, "127.0.0.1");
  await once(client, "connect");
  let aborted = false;
  try {
    const answer = await exchange(
      async (given) => {
        given.addEventListener("abort", () => {
          aborted = true;
        });
        client.write("?");
        const [text] = (await once(client, "data")) as [Buffer];
        return text.toString();
      },
      { timeoutMs, signal, clock: systemClock },
    );
    return { answer, aborted };
  } finally {
    client.destroy();
    server.close();
  }
}

test("an answer that came while the event loop was busy wins over a deadline that passed meanwhile", async () => {
  const told = await ask(200, (socket) => {
    socket.write("!");
    stall(500);
  });
  assert.deepEqual(told, { answer: { kind: "answered", value: "!" }, aborted: false });
});

test("a deadline that passed while the event loop was busy counts where no answer came", async () => {
  assert.deepEqual(await ask(200, () => stall(500)), { answer: { kind: "expired" }, aborted: true });
});
