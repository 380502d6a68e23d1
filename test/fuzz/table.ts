import type { Finding } from "./finding.ts";
import type { FuzzResult } from "./run.ts";

const OUTCOMES_SHOWN = 6;

/** A line for each target: inputs, those slow, the slowest, findings, and what became of most inputs. */
export function tallyTable({ targets, peakKiB }: FuzzResult): string {
  const head = [
    "target".padEnd(10),
    "inputs".padStart(9),
    ">50 ms".padStart(7),
    "slowest ms".padStart(11),
    "findings".padStart(9),
  ];
  const lines = Object.entries(targets).map(([name, { inputs, aboveGoal, slowestMillis, findings, outcomes }]) => {
    const most = Object.entries(outcomes).sort(([, one], [, other]) => other - one);
    const shown = most.slice(0, OUTCOMES_SHOWN).map(([outcome, count]) => `${outcome} ${count}`);
    const figures = [String(inputs).padStart(9), String(aboveGoal).padStart(7), slowestMillis.toFixed(0).padStart(11)];
    return [name.padEnd(10), ...figures, String(findings).padStart(9), ` ${shown.join(", ")}`].join(" ");
  });
  return [head.join(" "), ...lines, `${peakKiB >> 10} MiB resident at most`].join("\n");
}

export function findingText({ target, index, failure, parts }: Finding): string {
  return [`${target}, input ${index}: ${failure}`, ...parts.map((part) => `  ${part}`)].join("\n");
}
