/** Writes the table of values into the chart's README; with --check compares instead, and exits 1 on a difference. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { readChartValues, valuesTable } from "./chart-values.ts";

const chart = path.resolve(import.meta.dirname, "../charts/kinesis-sink-operator");
const readme = path.join(chart, "README.md");
const begin = "<!-- values: generated from values.yaml by `make generate` -->\n";
const end = "\n<!-- end of values -->";

function withTable(text: string, table: string): string {
  const [before, rest] = text.split(begin, 2);
  const after = rest?.split(end, 2)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${readme} needs the lines ${begin.trim()} and ${end.trim()}`);
  return before + begin + table + end + after;
}

const table = valuesTable(readChartValues(await readFile(path.join(chart, "values.yaml"), "utf8")));
const present = await readFile(readme, "utf8");
const wanted = withTable(present, table);
if (present !== wanted) {
  if (process.argv.includes("--check")) {
    console.error("the chart's README is not as its values.yaml says. Run `make generate` and commit the result.");
    process.exitCode = 1;
  } else {
    await writeFile(readme, wanted);
    console.log("wrote charts/kinesis-sink-operator/README.md");
  }
}
