import { load } from "js-yaml";

/** One documented value of a chart. */
export interface ChartValue {
  /** Path with dots between, as `--set` takes it. */
  readonly key: string;
  readonly description: string;
  readonly default: unknown;
}

const KEY = /^( *)([A-Za-z][A-Za-z0-9]*):/;
const COMMENT = /^ *# ?(.*)$/;

/**
 * Reads the documentation of a chart's values.yaml, in its order: a comment that begins with `-- ` documents the key below
 * it; lines of comment after it continue it. Throws when a value has no such comment, and neither has one of its parents.
 */
export function readChartValues(text: string): ChartValue[] {
  const values = load(text);
  const documented: ChartValue[] = [];
  let parents: { readonly indent: number; readonly key: string; readonly documented: boolean }[] = [];
  let comment: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const note = COMMENT.exec(line)?.[1];
    if (note !== undefined) {
      comment = note.startsWith("-- ") ? [note.slice(3)] : comment.length > 0 ? [...comment, note] : [];
      continue;
    }
    const [, spaces, name] = KEY.exec(line) ?? [];
    if (spaces !== undefined && name !== undefined) {
      parents = parents.filter((parent) => parent.indent < spaces.length);
      const key = [...parents.map((parent) => parent.key), name].join(".");
      const value = valueAt(values, key);
      const covered = parents.some((parent) => parent.documented);
      if (comment.length > 0) documented.push({ key, description: comment.join(" "), default: value });
      else if (!covered && !isParent(value)) throw new Error(`line ${index + 1}: ${key} has no comment "# -- …"`);
      parents.push({ indent: spaces.length, key: name, documented: covered || comment.length > 0 });
    }
    comment = [];
  }
  return documented;
}

function isParent(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

function valueAt(values: unknown, key: string): unknown {
  let value = values;
  for (const name of key.split(".")) value = (value as Record<string, unknown>)[name];
  return value;
}

/** A Markdown table of key, default and description, its columns aligned. */
export function valuesTable(values: readonly ChartValue[]): string {
  const cells = values.map(({ key, description, default: value }) => [
    `\`${key}\``,
    `\`${JSON.stringify(value).replaceAll("|", "\\|")}\``,
    description.replaceAll("|", "\\|"),
  ]);
  const heading = ["Value", "Default", "Meaning"];
  const widths = heading.map((_, column) => Math.max(...[heading, ...cells].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(heading), rule, ...cells.map(line)].join("\n");
}
