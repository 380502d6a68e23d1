import assert from "node:assert/strict";
import { test } from "node:test";
import { createCounters } from "../../../../worker/pipeline/counters.ts";
import { createDeadLetters } from "../../../../worker/pipeline/intake/dead-letter-retries.ts";
import type { Settings } from "../../../../worker/pipeline/options.ts";
import type { DeadLetter, Source } from "../../../../worker/source/source.ts";
import { createVirtualClock } from "../../../clock.ts";
import { silentLog } from "../../../silent-log.ts";
import { message } from "../messages.ts";

/** A source that confirms a dead letter when it is told to. */
function bench() {
  const clock = createVirtualClock();
  const sent: { readonly id: string; readonly confirm: () => void; readonly fail: () => void }[] = [];
  const publish = (_topic: string, letter: DeadLetter): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    sent.push({ id: letter.message.id, confirm: resolve, fail: () => reject(new Error("no receipt")) });
    return promise;
  };
  const retry = { initialDelayMs: 100, maxDelayMs: 1_000 };
  const settings = { deadLetterTopic: "dead", clock, log: silentLog, retry, random: () => 0.5 } as unknown as Settings;
  const counters = createCounters();
  const letters = createDeadLetters(settings, counters, () => ({ publish }) as unknown as Source);
  assert.ok(letters);
  const done: string[] = [];
  const add = (id: string, payloadBytes = 10, wanted = () => true): void => {
    const letter = { message: message("k", id, { payloadBytes }), topic: "t", reason: new Map<string, string>() };
    letters.publish(letter, wanted, () => void done.push(id));
  };
  return { clock, sent, add, done, letters, counters, settle: () => clock.advance(0) };
}

test("a hundred dead letters at most wait for their receipts; the others go in turn", async () => {
  const { sent, add, done, settle } = bench();
  for (let index = 0; index < 250; index += 1) add(`m${index}`);
  assert.equal(sent.length, 100);
  sent[0]?.confirm();
  sent[7]?.confirm();
  await settle();
  assert.deepEqual(done, ["m0", "m7"]);
  assert.deepEqual(
    sent.slice(100).map(({ id }) => id),
    ["m100", "m101"],
  );
  for (let at = 0; at < sent.length; at += 1) {
    sent[at]?.confirm();
    await settle();
  }
  assert.equal(done.length, 250);
});

test("large dead letters wait for their receipts in smaller numbers, and the largest one by itself", async () => {
  const { sent, add, settle } = bench();
  const mebibyte = 1024 * 1024;
  add("huge", 20 * mebibyte);
  for (let index = 0; index < 10; index += 1) add(`m${index}`, 3 * mebibyte);
  assert.deepEqual(
    sent.map(({ id }) => id),
    ["huge"],
  );
  sent[0]?.confirm();
  await settle();
  assert.deepEqual(
    sent.map(({ id }) => id),
    ["huge", "m0", "m1"],
  );
});

test("a dead letter that fails makes room, and goes again after those that waited", async () => {
  const { clock, sent, add, counters, settle } = bench();
  for (let index = 0; index < 101; index += 1) add(`m${index}`);
  sent[0]?.fail();
  await settle();
  assert.deepEqual(sent.at(-1)?.id, "m100");
  assert.equal(counters.sourceFailure?.message, "no receipt");
  sent[1]?.confirm();
  await clock.advance(1_000);
  assert.deepEqual(sent.at(-1)?.id, "m0");
});

test("a dead letter whose message went to another worker while it waited is not published", async () => {
  const { sent, add, settle } = bench();
  let wanted = true;
  for (let index = 0; index < 100; index += 1) add(`m${index}`);
  add("gone", 10, () => wanted);
  add("next");
  wanted = false;
  sent[0]?.confirm();
  await settle();
  assert.deepEqual(
    sent.slice(100).map(({ id }) => id),
    ["next"],
  );
});

test("nothing is published once all is closed", async () => {
  const { sent, add, letters, settle } = bench();
  for (let index = 0; index < 101; index += 1) add(`m${index}`);
  letters.close();
  sent[0]?.confirm();
  await settle();
  assert.equal(sent.length, 100);
});
