import assert from "node:assert/strict";
import { test } from "node:test";
import { isOlder } from "../../../operator/kube/resource-version.ts";

test("versions are compared as the numbers that they are, of any length", () => {
  assert.equal(isOlder("9", "10"), true);
  assert.equal(isOlder("10", "9"), false);
  assert.equal(isOlder("10", "10"), false);
  assert.equal(isOlder("18446744073709551615", "18446744073709551616"), true);
});

test("of what is no number nothing is known", () => {
  for (const [a, b] of [
    ["a", "b"],
    ["1", "b"],
    [undefined, "1"],
    ["1", undefined],
    ["", "1"],
  ]) {
    assert.equal(isOlder(a, b), false);
  }
});
