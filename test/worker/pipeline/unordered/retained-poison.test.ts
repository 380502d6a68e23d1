import assert from "node:assert/strict";
import { test } from "node:test";
import { retainOnly } from "../../../../worker/pipeline/unordered/retained-poison.ts";
import { createTrackedDelivery } from "../../../../worker/pipeline/unordered/tracked-delivery.ts";
import type { Source } from "../../../../worker/source/source.ts";
import { assignment, delivery, message } from "../messages.ts";

const source = { shrink: (given, messages) => ({ ...given, messages }) } as Pick<Source, "shrink"> as Source;

function openDelivery(retainedBytes: number) {
  const of = assignment();
  const frame = Buffer.alloc(100_000, "x");
  const messages = [message("a", "a:1"), message("b", "b:1", { payload: frame.subarray(10, 20), orderingKey: frame })];
  return createTrackedDelivery({ ...delivery(of, []), messages, retainedBytes }, { given: of, open: new Set() }, 0);
}

test("a retained message says the same in memory of its own", () => {
  const open = openDelivery(100_000);
  const [, whole] = open.delivery.messages;
  const freed = retainOnly(open, [1], source);
  const retained = open.retained?.get(1);
  assert.deepEqual(retained, { ...whole, payload: Buffer.alloc(10, "x") });
  assert.equal(retained?.payload.buffer.byteLength, 10);
  assert.deepEqual(open.delivery.messages, [retained]);
  assert.deepEqual(open.ids, ["a:1", "b:1"]);
  assert.equal(freed, 100_000 - open.bytes);
});

test("nothing is copied where little would be won", () => {
  const open = openDelivery(800);
  assert.equal(retainOnly(open, [1], source), 0);
  assert.deepEqual([open.retained, open.bytes], [null, 800]);
});
