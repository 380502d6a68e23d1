import assert from "node:assert/strict";
import { test } from "node:test";
import { retainOnly } from "../../../../worker/pipeline/unordered/retained-poison.ts";
import { createTrackedDelivery } from "../../../../worker/pipeline/unordered/tracked-delivery.ts";
import type { Source } from "../../../../worker/source/source.ts";
import { assignment, delivery, message } from "../messages.ts";

const source = { shrink: (given, messages) => ({ ...given, messages }) } as Pick<Source, "shrink"> as Source;

function markOf(retainedBytes: number) {
  const of = assignment();
  const frame = Buffer.alloc(100_000, "x");
  const messages = [message("a", "a:1"), message("b", "b:1", { payload: frame.subarray(10, 20), orderingKey: frame })];
  return createTrackedDelivery({ ...delivery(of, []), messages, retainedBytes }, { given: of, open: new Set() }, 0);
}

test("a kept message says the same in memory of its own", () => {
  const mark = markOf(100_000);
  const [, whole] = mark.delivery.messages;
  const freed = retainOnly(mark, [1], source);
  const kept = mark.retained?.get(1);
  assert.deepEqual(kept, { ...whole, payload: Buffer.alloc(10, "x") });
  assert.equal(kept?.payload.buffer.byteLength, 10);
  assert.deepEqual(mark.delivery.messages, [kept]);
  assert.deepEqual(mark.ids, ["a:1", "b:1"]);
  assert.equal(freed, 100_000 - mark.bytes);
});

test("nothing is copied where little would be won", () => {
  const mark = markOf(800);
  assert.equal(retainOnly(mark, [1], source), 0);
  assert.deepEqual([mark.retained, mark.bytes], [null, 800]);
});
