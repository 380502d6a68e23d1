/** A bench that is a list of rows and the columns to print of them. */
import { type Figures, type MeasureOptions, measure } from "./measure.ts";
import { nameOf, type Row } from "./row.ts";
import type { Stage } from "./stage.ts";
import { type Column, openTable, print } from "./table.ts";

export interface RowBench {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly compare?: Comparison;
}

/** Rows beside the one that they are compared with. */
export interface Comparison {
  readonly title: string;
  isBase(row: Row): boolean;
  /** Equal for rows that are compared. */
  group(row: Row): string;
}

export interface Result {
  readonly row: Row;
  readonly figures: Figures;
}

const RATIOS: readonly (readonly [string, (figures: Figures) => number])[] = [
  ["µs/msg", ({ cpuPerMessage }) => cpuPerMessage],
  ["msg/s", ({ messagesPerSecond }) => messagesPerSecond],
  ["RSS", ({ rssMiB }) => rssMiB],
  ["units/M", ({ putUnits }) => putUnits],
];

/** Measures the rows whose name holds `only`, and prints each as soon as it is known. A row that fails is left out. */
export async function runRows(stage: Stage, bench: RowBench, only: string, options: MeasureOptions): Promise<boolean> {
  print(bench.title);
  const chosen = bench.rows.filter((each) => nameOf(each).includes(only));
  if (chosen.length === 0) print(`no row holds ${only}; rows: ${bench.rows.map(nameOf).join(" ")}`);
  const show = openTable(bench.columns);
  const results: Result[] = [];
  for (const each of chosen) {
    try {
      const figures = await measure(stage, each, options);
      show(each, figures);
      results.push({ row: each, figures });
    } catch (error) {
      stage.signal.throwIfAborted();
      print(`${nameOf(each)} failed: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (bench.compare !== undefined) compare(results, bench.compare);
  return results.length === chosen.length;
}

function compare(results: readonly Result[], { title, isBase, group }: Comparison): void {
  const bases = new Map(results.filter(({ row }) => isBase(row)).map(({ row, figures }) => [group(row), figures]));
  const compared = results.filter(({ row }) => !isBase(row) && bases.has(group(row)));
  if (compared.length === 0) return;
  print(title);
  for (const { row, figures } of compared) {
    const base = bases.get(group(row)) ?? figures;
    const ratios = RATIOS.map(([name, of]) => `${name} ${(of(figures) / of(base)).toFixed(2)}`);
    print(`  ${nameOf(row).padEnd(52)} ${ratios.join("   ")}`);
  }
}
