/**
 * Load on both pipelines for a long time, with one fault after the other: `main.ts [--hours H | --seconds S] [--seed N]
 * [--every S] [--quiet S] [--rate N] [--out FOLDER]`. Needs root, a JDK and Maven. Prints how it went, and writes what was seen
 * and a picture of it to FOLDER. Ends by itself, and with 1 where a rule was broken.
 */
import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { interruption } from "../interruption.ts";
import { soakPlot } from "./plot.ts";
import { runSoak } from "./run.ts";
import { openStage } from "./stage.ts";
import { soakTable } from "./table.ts";

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "0.5" },
    seconds: { type: "string" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
    every: { type: "string", default: "60" },
    quiet: { type: "string", default: "120" },
    rate: { type: "string", default: "15000" },
    out: { type: "string", default: "soak-report" },
  },
});
const options = {
  seconds: Number(values.seconds ?? Number(values.hours) * 3600),
  seed: Number(values.seed),
  every: Number(values.every),
  quiet: Number(values.quiet),
  rate: Number(values.rate),
};
if (!Object.values(options).every((value) => Number.isFinite(value) && value >= 0) || options.every < 1) {
  console.error("every option is a number, and --every at least 1");
  process.exit(2);
}
const log = (line: string): void => console.error(line);
const signal = interruption();
console.log(`${options.seconds} s, ${options.rate} messages a second into each pipeline, --seed ${options.seed}`);
const stage = await openStage(log, signal);
let failed = true;
try {
  const soak = await runSoak(stage, options, log, signal);
  await mkdir(values.out, { recursive: true });
  await writeFile(join(values.out, "soak.json"), `${JSON.stringify(soak)}\n`);
  await writeFile(join(values.out, "soak.svg"), soakPlot(soak));
  console.log(soakTable(soak));
  failed = soak.problems.length > 0;
} finally {
  await stage.close();
}
process.exit(failed ? 1 : 0);
