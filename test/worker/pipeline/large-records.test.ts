import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { a, b, h, landed, rigWith } from "./two-shards.ts";

const MIB = 1_048_576;

describe("a record above collectionMaxSize", () => {
  for (const ordered of [true, false]) {
    for (const aggregation of [true, false]) {
      const name = `${ordered ? "ordered" : "unordered"}, ${aggregation ? "aggregated" : "a record a message"}`;
      test(`goes in a request of its own, ${name}`, async () => {
        const limits = { maxRecords: 500, maxBytes: 52_224, maxRecordBytes: 10 * MIB };
        const { rig, orders } = await rigWith({ ordered, aggregation, limits, budgetBytes: 100 * MIB });
        const large = "x".repeat(10 * MIB - 100);
        await rig.deliver(orders, `${a}:1`, `${a}:2${large}`, `${b}:1`, `${h}:1`, `${h}:2${large}`, `${h}:3`);
        // One after the other, over the ten seconds and more that a shard's limit makes of each.
        for (let done = 0, second = 0; second < 60; second += 1) {
          for (; done < rig.puts.length; done += 1) {
            const put = rig.puts[done] as (typeof rig.puts)[number];
            const sizes = put.records.map((record) => record.data.byteLength);
            const isLarge = sizes.some((size) => size > limits.maxBytes);
            assert.ok(!isLarge || sizes.length === 1, `${sizes} in one request`);
            await put.answer(
              put.texts.map((text, index) => landed(text.startsWith(h) ? "high" : "low", String(1_000 * done + index))),
            );
          }
          await rig.clock.advance(1_000);
        }
        const { delivered, pending, outOfOrder } = rig.pipeline.state();
        assert.deepEqual({ delivered, pending, outOfOrder }, { delivered: 6, pending: 0, outOfOrder: 0 });
      });
    }
  }
});
