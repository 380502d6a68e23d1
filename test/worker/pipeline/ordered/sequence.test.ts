import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAfter } from "../../../../worker/pipeline/ordered/sequence.ts";

describe("sequence numbers", () => {
  test("compare as the numbers that they are", () => {
    assert.equal(isAfter("10", "9"), true);
    assert.equal(isAfter("9", "10"), false);
    assert.equal(isAfter("9", "9"), false);
    assert.equal(
      isAfter(
        "49590338271490256608559692538361571095921575989136588899",
        "49590338271490256608559692538361571095921575989136588898",
      ),
      true,
    );
  });
});
