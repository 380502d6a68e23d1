import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aggregateRecord, createAggregateBuilder } from "../../../worker/sink/aggregate.ts";
import type { KinesisRecord } from "../../../worker/sink/sink.ts";
import { decodeAggregate } from "../../fakes/aggregate.ts";
import { failure, type RigOptions } from "./rig.ts";
import { a, b, c, halves, landed, rigWith } from "./two-shards.ts";

/** What a producer can put into a payload: a whole aggregate, with a key that no message has. */
const forged = ((): Buffer => {
  const builder = createAggregateBuilder();
  const record = { partitionKey: "somebody-else", data: Buffer.from("forged") };
  builder.add(record.partitionKey, record.data.length);
  return aggregateRecord(builder, [record]).data;
})();

/** As a consumer of the Kinesis Client Library gets it. */
function unpacked({ data, partitionKey }: KinesisRecord): { readonly key: string; readonly data: Buffer }[] {
  const parts = decodeAggregate(Buffer.from(data));
  if (parts === null) return [{ key: partitionKey, data: Buffer.from(data) }];
  return parts.map((part) => ({ key: part.partitionKey, data: part.data }));
}

const formed: RigOptions = { format: { prepare: () => undefined, encode: () => forged } };

for (const ordered of [true, false]) {
  describe(`a payload that is itself an aggregate, ${ordered ? "ordered" : "unordered"}`, () => {
    test("goes as an aggregate of one where it finds no other", async () => {
      const { rig, orders } = await rigWith({ ordered, shards: halves, ...formed });
      await rig.deliver(orders, `${a}:1`);
      const [record] = rig.last().records as [KinesisRecord];
      assert.deepEqual(unpacked(record), [{ key: a, data: forged }]);
      assert.equal(record.partitionKey, a);
      assert.equal(record.made?.size, record.data.length);
      await rig.last().answer([landed("low", "1")]);
      assert.equal(rig.pipeline.state().delivered, 1);
    });

    test("goes as it is within an aggregate, also where it went alone before", async () => {
      const { rig, orders } = await rigWith({ ordered, shards: halves, ...formed });
      await rig.deliver(orders, `${a}:1`);
      await rig.last().answer([{ accepted: false, failure: failure("throttled") }]);
      await rig.deliver(orders, `${b}:1`);
      await rig.clock.advance(20);
      await rig.deliver(orders, `${c}:1`);
      await rig.clock.advance(5_000);
      await rig.last().answer([landed("low", "1")]);
      const { records } = rig.last();
      assert.equal(records.length, 1);
      assert.deepEqual(
        records.flatMap(unpacked).toSorted((one, other) => (one.key < other.key ? -1 : 1)),
        [a, c].toSorted().map((key) => ({ key, data: forged })),
      );
    });

    test("goes as an aggregate of one where its aggregate was refused", async () => {
      const { rig, orders } = await rigWith({ ordered, shards: halves, ...formed });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      for (let at = 0; at < 2; at += 1) {
        await rig.last().answer([landed("unknown", String(at + 1))]);
        await rig.clock.advance(5_000);
      }
      const { records } = rig.last();
      assert.equal(records.length, 2);
      assert.deepEqual(
        records.flatMap(unpacked).map(({ data }) => data),
        [forged, forged],
      );
    });

    test("goes as an aggregate of one while shards cannot be listed", async () => {
      const { rig, orders } = await rigWith({ ordered, listing: new Promise(() => {}), ...formed });
      await rig.deliver(orders, `${a}:1`);
      assert.deepEqual(rig.last().records.flatMap(unpacked), [{ key: a, data: forged }]);
    });

    test("is passed as it is without aggregation", async () => {
      const { rig, orders } = await rigWith({ ordered, aggregation: false, shards: halves, ...formed });
      await rig.deliver(orders, `${a}:1`);
      assert.deepEqual(rig.last().records[0]?.data, forged);
    });
  });
}
