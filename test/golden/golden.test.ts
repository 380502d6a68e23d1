import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkVector } from "./check-vector.ts";
import { parseVector } from "./vector.ts";

for (const file of globSync("*.jsonl", { cwd: import.meta.dirname })) {
  test(`every vector of ${file} comes out as it has to`, async () => {
    const lines = readFileSync(join(import.meta.dirname, file), "utf8")
      .trim()
      .split("\n");
    const wrong: string[] = [];
    for (const vector of lines.map(parseVector)) {
      await checkVector(vector).catch((error: Error) => wrong.push(`${vector.name}: ${error.message}`));
    }
    assert.deepEqual(wrong, []);
    assert.ok(lines.length > 0);
  });
}
