/** A soak as text. */
import { FAULT_KINDS } from "./plan.ts";
import { median } from "./rules.ts";
import type { Soak } from "./run.ts";

export function soakTable(soak: Soak): string {
  return [...pipelineLines(soak), "", ...faultLines(soak), "", ...memoryLines(soak), "", ...verdict(soak)].join("\n");
}

const PIPELINE_ROWS = [
  ["messages", "produced"],
  ["lost", "missing"],
  ["out of order", "inversions"],
  ["read, never produced", "unknown"],
  ["repetitions", "duplicates"],
  ["requests executed late", "lateRequests"],
  ["  sequences that they concern", "lateSequences"],
  ["  of these out of order", "lateInversions"],
] as const;

function pipelineLines({ pipelines }: Soak): string[] {
  const row = (name: string, values: readonly string[]): string =>
    `| ${name.padEnd(36)} | ${values.map((value) => value.padStart(12)).join(" | ")} |`;
  return [
    row(
      "",
      pipelines.map(({ mode }) => mode),
    ),
    `|${"-".repeat(38)}|${pipelines.map(() => "-".repeat(14)).join("|")}|`,
    ...PIPELINE_ROWS.map(([name, field]) =>
      row(
        name,
        pipelines.map((each) => each[field].toLocaleString("en-US")),
      ),
    ),
    row(
      "longest without progress, no fault, s",
      pipelines.map(({ longestStall }) => longestStall.toFixed(0)),
    ),
  ];
}

function faultLines({ faults }: Soak): string[] {
  return FAULT_KINDS.map((kind) => {
    const played = faults.filter((fault) => fault.kind === kind);
    const seconds = played.map(({ from, to }) => (to - from).toFixed(1)).join(", ");
    return `| ${kind.padEnd(20)} | ${String(played.length).padStart(2)} | ${seconds} |`;
  });
}

function memoryLines({ growth, samples }: Soak): string[] {
  const older = growth.map(
    ({ name, firstMiB, lastMiB }) =>
      `| ${name.padEnd(12)} | ${firstMiB.toFixed(0)} MiB in minutes 5 to 10 | ${lastMiB.toFixed(0)} MiB in the last 5 |`,
  );
  if (older.length > 0) return older;
  const rss = samples.flatMap(({ workers }) => workers.map(({ rssMiB }) => rssMiB));
  return [
    `no process became older than 10 minutes; ${median(rss).toFixed(0)} MiB in the middle, ${Math.max(0, ...rss).toFixed(0)} at most`,
  ];
}

function verdict({ problems }: Soak): string[] {
  return problems.length === 0 ? ["all rules hold"] : [`${problems.length} problems`, ...problems];
}
