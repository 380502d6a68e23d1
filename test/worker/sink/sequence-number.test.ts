import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAfter, nextSecond } from "../../../worker/sink/sequence-number.ts";

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

  test("of a shard end where those of a shard created a second later begin", () => {
    // Of AWS' documentation: created on 21 November 2018 at 04:57:38.
    const documented = "49590338271490256608559692538361571095921575989136588898";
    const end = nextSecond(documented);
    assert.equal(isAfter(end, documented), true);
    assert.equal(
      new Date(Number((BigInt(end) >> 148n) & 0xfffffffffn) * 1000).toISOString(),
      "2018-11-21T04:57:39.000Z",
    );
    assert.equal(BigInt(end) & ((1n << 148n) - 1n), 0n);
    assert.equal(nextSecond(""), "");
  });
});
