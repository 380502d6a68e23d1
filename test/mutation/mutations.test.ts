import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check } from "./check.ts";
import { MUTATIONS, type Mutation } from "./mutations.ts";

describe("a test fails when what it is there for is taken out", { concurrency: 2 }, () => {
  for (const mutation of MUTATIONS) {
    test(mutation.name, async (t) => {
      const { complaint, seconds } = await check(mutation);
      t.diagnostic(`seen after ${seconds.toFixed(1)} s`);
      const [file, name] = mutation.test;
      assert.equal(complaint, null, `${file}, ${name}: ${complaint}`);
    });
  }

  test("one whose text is gone, or whose module the test does not load, is told", async () => {
    const [first] = MUTATIONS;
    assert.ok(first);
    const gone: Mutation = { ...first, changes: [["no such text", ""]] };
    assert.match((await check(gone)).complaint ?? "", /code 86.*holds 0 times/s);
    const elsewhere: Mutation = {
      ...first,
      test: ["test/worker/pipeline/fifo.test.ts", "gives back what was put in"],
      changes: [],
    };
    assert.match((await check(elsewhere)).complaint ?? "", /code 86.*was not loaded/s);
  });
});
