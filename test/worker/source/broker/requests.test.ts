import assert from "node:assert/strict";
import { test } from "node:test";
import { createForeignText } from "../../../../runtime/foreign-text.ts";
import { createRefusal } from "../../../../worker/source/broker/failures.ts";
import { createRequests } from "../../../../worker/source/broker/requests.ts";
import { adjustableClock, createVirtualClock } from "../../../clock.ts";

function scene() {
  const virtual = createVirtualClock();
  const clock = adjustableClock(virtual);
  const state = { messagesAt: Number.NEGATIVE_INFINITY };
  const requests = createRequests("broker", createRefusal(createForeignText()), clock, {
    messagesAt: () => state.messagesAt,
  });
  const ends: string[] = [];
  requests.open("acknowledging", 1).then(
    () => ends.push("answered"),
    (error: Error) => ends.push(error.message),
  );
  /** Milliseconds, during which messages come. */
  const receive = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      state.messagesAt = clock.now();
      await virtual.advance(1_000);
    }
  };
  return { requests, ends, receive, virtual, clock };
}

test("a request without an answer is given up after 15 seconds", async () => {
  const { requests, ends, virtual } = scene();
  await virtual.advance(14_900);
  assert.deepEqual([ends, requests.waiting], [[], 1]);
  await virtual.advance(200);
  assert.match(ends[0] ?? "", /acknowledging: broker did not answer within 15 s/);
  assert.equal(requests.waiting, 0);
});

test("an answer behind messages that were sent before it is waited for, while they come", async () => {
  const { requests, ends, receive, virtual } = scene();
  await receive(60_000);
  assert.deepEqual(ends, []);
  requests.answer(1, Buffer.alloc(0));
  await virtual.advance(0);
  assert.deepEqual(ends, ["answered"]);
});

test("15 seconds after the last message, or two minutes after it was sent, a request is given up", async () => {
  const silent = scene();
  await silent.receive(30_000);
  await silent.virtual.advance(13_900);
  assert.deepEqual(silent.ends, []);
  await silent.virtual.advance(200);
  assert.equal(silent.ends.length, 1);
  const flooded = scene();
  await flooded.receive(119_000);
  assert.deepEqual(flooded.ends, []);
  await flooded.receive(2_000);
  assert.match(flooded.ends[0] ?? "", /within 120 s/);
});

test("an answer that is in the socket after a long turn of this process is not late", async () => {
  const { requests, ends, clock, virtual } = scene();
  clock.advance(30_000);
  await virtual.advance(15_000);
  assert.deepEqual(ends, []);
  requests.answer(1, Buffer.alloc(0));
  await virtual.advance(2_000);
  assert.deepEqual(ends, ["answered"]);
});
