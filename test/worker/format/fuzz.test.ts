import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz.ts";

test("random messages become records or poison, never another error", async () => {
  const outcomes = [...(await fuzz(3000, 20_260_101)).keys()];
  for (const expected of [
    /EXPAND_VALUE AVRO record/,
    /AVRO Undecodable/,
    /JSON record/,
    /FB .* record/,
    / Encrypted$/,
  ]) {
    assert.ok(
      outcomes.some((outcome) => expected.test(outcome)),
      `${expected} was met`,
    );
  }
});
