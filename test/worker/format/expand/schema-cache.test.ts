import assert from "node:assert/strict";
import { test } from "node:test";
import { decoderBytes } from "../../../../worker/format/expand/decoder-bytes.ts";
import { createSchemaCache } from "../../../../worker/format/expand/schema-cache.ts";
import { PoisonError } from "../../../../worker/format/format.ts";
import type { SchemaInfo } from "../../../../worker/source/source.ts";
import { expandText, schemaInfo, TOPIC } from "../expand-value.ts";
import { deliveryOf, messageOf } from "../message.ts";

const record = (fields: readonly string[]): SchemaInfo =>
  schemaInfo("AVRO", `{"type":"record","name":"r","fields":[${fields.join(",")}]}`);
const text = (name: string): string => `{"name":"${name}","type":"string"}`;

test("decoders are kept as far as memory goes, those prepared last", async () => {
  const known = Array.from({ length: 100 }, (_, n) =>
    record(Array.from({ length: 50 }, (_, at) => text(`f${n}_${at}`))),
  );
  const one = decoderBytes(known[0] as SchemaInfo);
  const cache = createSchemaCache({ schema: (_topic, version) => known[version?.[0] ?? 0] ?? null }, 20.5 * one);
  const prepare = (n: number) => {
    const schemaVersion = Buffer.from([n]);
    return cache.prepare(deliveryOf([messageOf({ payload: "v", schemaVersion })], TOPIC));
  };
  for (let n = 0; n < 100; n++) {
    await prepare(n);
    assert.equal(prepare(0), undefined, "what is in use stays");
  }
  const atHand = known.filter((_, n) => prepare(n) === undefined).length;
  assert.ok(atHand >= 15 && atHand <= 20, `${atHand} at hand`);
});

test("a schema that would take the heap is refused before anything is made of it", async () => {
  const unions = record([`{"name":"u","type":[${"[],".repeat(200_000)}[]]}`]);
  const symbols = record([`{"name":"e","type":{"type":"enum","name":"E","symbols":["a"${',"a"'.repeat(200_000)}]}}`]);
  const native = schemaInfo("PROTOBUF_NATIVE", `{"fileDescriptorSet":"${"A".repeat(1_000_000)}"}`);
  for (const schema of [unions, symbols, native]) {
    const before = process.memoryUsage().heapUsed;
    await assert.rejects(expandText({ schema, payload: "v" }), (error) => {
      return error instanceof PoisonError && error.code === "UnsupportedSchema" && /may take 16: /.test(error.message);
    });
    assert.ok(process.memoryUsage().heapUsed - before < 8_000_000);
  }
});
