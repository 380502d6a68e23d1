import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mayWrite } from "../../../../worker/pipeline/ordered/fencing.ts";
import { assignment } from "../messages.ts";

describe("fencing", () => {
  test("lets an active assignment write whose broker was heard from within 10 s", () => {
    assert.equal(mayWrite(assignment("t", { answeredAt: 1_000 }), 5_000), true);
    assert.equal(mayWrite(assignment("t", { answeredAt: 1_000 }), 5_001), false);
    assert.equal(mayWrite(assignment("t", { active: false }), 0), false);
  });
});
