/**
 * Feeds every reader of foreign bytes with inputs of its own grammar that are wrong in a few places, under the heap of a
 * worker: `main.ts [--seconds 600] [--seed NUMBER] [--target NAME,…] [--out FOLDER]`. Prints how it went. Each finding is
 * made small and written to a file of FOLDER, with the tape that makes it again; one finding or more end it with 1.
 */
import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fuzz } from "./run.ts";
import { findingText, tallyTable } from "./table.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
    target: { type: "string", default: "all" },
    out: { type: "string", default: "fuzz-findings" },
  },
});
const { seconds, seed, target, out } = values;
console.log(`${seconds} s with --seed ${seed}`);
const result = await fuzz({ seed: Number(seed), seconds: Number(seconds), targets: target });
console.log(tallyTable(result));
for (const finding of result.findings) {
  await mkdir(out, { recursive: true });
  const file = join(out, `${finding.target}-${seed}-${finding.index}.tape`);
  await writeFile(file, JSON.stringify(finding.tape));
  console.log(`\n${findingText(finding)}\nagain: scripts/node test/fuzz/program.ts tape ${finding.target} ${file}`);
}
process.exit(result.findings.length === 0 ? 0 : 1);
