/** Compares our formats with recorded outputs: `run.ts FILE…`. Exits with 1 when something differs. */
import { readFileSync } from "node:fs";
import { checkVector } from "./check-vector.ts";
import { parseVector } from "./vector.ts";

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: run.ts FILE…, each with one vector a line");
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const line of files.flatMap((file) => readFileSync(file, "utf8").split("\n"))) {
  if (line.trim() === "") continue;
  const vector = parseVector(line);
  try {
    await checkVector(vector);
    passed++;
  } catch (error) {
    failed++;
    console.log(`${vector.name}\n${error instanceof Error ? error.message : String(error)}\n`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
