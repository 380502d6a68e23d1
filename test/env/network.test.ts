import assert from "node:assert/strict";
import { test } from "node:test";
import { contains } from "./kubernetes/network.ts";

test("a network contains the addresses that share its prefix, and no others", () => {
  assert.ok(contains("198.18.3.0/30", "198.18.3.2"));
  assert.ok(!contains("198.18.3.0/30", "198.18.3.4"));
  assert.ok(contains("198.16.0.0/12", "198.18.3.2"));
  assert.ok(contains("198.18.3.2", "198.18.3.2"));
  assert.ok(!contains("198.18.3.1", "198.18.3.2"));
});
