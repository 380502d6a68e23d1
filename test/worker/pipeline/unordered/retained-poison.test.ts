import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { createBudget } from "../../../../worker/pipeline/budget.ts";
import { retainOnly } from "../../../../worker/pipeline/unordered/retained-poison.ts";
import { createTrackedDelivery } from "../../../../worker/pipeline/unordered/tracked-delivery.ts";
import type { Source } from "../../../../worker/source/source.ts";
import { assignment, delivery, message } from "../messages.ts";

const source = { shrink: (given, messages) => ({ ...given, messages }) } as Pick<Source, "shrink"> as Source;

function openDelivery(retainedBytes: number) {
  const of = assignment();
  const frame = Buffer.alloc(100_000, "x");
  const messages = [message("a", "a:1"), message("b", "b:1", { payload: frame.subarray(10, 20), orderingKey: frame })];
  const owner = { given: of, share: createBudget(1).shareOf(of), open: new Set<never>() };
  return createTrackedDelivery({ ...delivery(of, []), messages, retainedBytes }, owner, 0);
}

test("a retained message says the same in memory of its own", () => {
  const open = openDelivery(1_000_000);
  const [, whole] = open.delivery.messages;
  const freed = retainOnly(open, [1], source);
  const retained = open.retained?.get(1);
  assert.deepEqual(retained, { ...whole, payload: Buffer.alloc(10, "x") });
  assert.equal(retained?.payload.buffer.byteLength, 10);
  assert.deepEqual(open.delivery.messages, [retained]);
  assert.deepEqual(open.ids, ["a:1", "b:1"]);
  assert.equal(freed, 1_000_000 - open.bytes);
});

test("a retained message is charged for all that is kept of it", () => {
  const frame = Buffer.alloc(2_000_000, "x");
  const encryption = {
    keys: [{ name: "k", key: frame.subarray(0, 30_000), metadata: new Map([["m", "x".repeat(20_000)]]) }],
    param: frame.subarray(5, 17),
    ...{ algorithm: null, compressionType: null, uncompressedMessageSize: null, batchSize: null },
  };
  const plain = message("b", "b:1");
  const heavy = message("k".repeat(50_000), "b:2", {
    properties: new Map([["p", "x".repeat(400_000)]]),
    entry: { ...plain.entry, encryption },
  });
  const open = openDelivery(2_000_000);
  open.delivery = { ...open.delivery, messages: [plain, heavy] };
  retainOnly(open, [1], source);
  assert.ok(open.bytes > 500_000 && open.bytes < 505_000, `${open.bytes} bytes`);
  const retained = open.retained?.get(1)?.entry.encryption;
  assert.ok(isDeepStrictEqual(retained, encryption));
  assert.equal(retained?.keys[0]?.key.buffer.byteLength, 30_000);
});

test("nothing is copied where little would be won", () => {
  const open = openDelivery(800);
  assert.equal(retainOnly(open, [1], source), 0);
  assert.deepEqual([open.retained, open.bytes], [null, 800]);
});
