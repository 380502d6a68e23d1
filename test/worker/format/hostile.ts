/**
 * Runs hostile messages through their formats in this process: `hostile.ts [RANDOM [SEED]]`, with so many random ones
 * (default 0). Fails where one takes more CPU time than allowed, or ends otherwise than in a record or a PoisonError.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createFormat } from "../../../worker/format/create.ts";
import { PoisonError } from "../../../worker/format/format.ts";
import { TOPIC } from "./expand-value.ts";
import { type Hostile, hostileMessages, randomMessage } from "./hostile-messages.ts";
import { deliveryOf, messageOf } from "./message.ts";

/** Of CPU time; 32 MiB of payload take most of it, on a slow machine. */
const MOST_MILLIS = 4000;
/** KiB of memory that the process may ever have held. */
const MOST_RESIDENT_KIB = 512 << 10;

async function run({ name, payload, schema, messageFormat }: Hostile, jsonFlatten: boolean): Promise<void> {
  const format = createFormat(
    { messageFormat: messageFormat ?? "FULL_MESSAGE_IN_JSON_EXPAND_VALUE", jsonFlatten, jsonIncludeNonNulls: true },
    { schema: async () => schema },
  );
  const message = messageOf({ payload, schemaVersion: schema === null ? null : Buffer.alloc(8) });
  await format.prepare(deliveryOf([message], TOPIC));
  const before = process.cpuUsage();
  let outcome: string;
  try {
    outcome = `${format.encode(message, TOPIC)?.byteLength ?? payload.byteLength} bytes`;
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    outcome = error.code;
  }
  const { user, system } = process.cpuUsage(before);
  const millis = Math.round((user + system) / 1000);
  const line = `${String(millis).padStart(5)} ms  ${jsonFlatten ? "flat " : ""}${name}: ${outcome}`;
  console.log(line);
  assert.ok(millis <= MOST_MILLIS, line);
}

/** Mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

for (const flat of [false, true]) {
  for (const each of hostileMessages()) await run(each, flat);
}
const random = generator(Number(process.argv[3] ?? 20_260_101));
for (let left = Number(process.argv[2] ?? 0); left > 0; left--) await run(randomMessage(random), random() < 0.5);
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
console.log(`${peak >> 10} MiB at most`);
assert.ok(peak <= MOST_RESIDENT_KIB, `${peak} KiB were resident`);
