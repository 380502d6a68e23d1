import { globSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Io, UsageError } from "./io.ts";

export interface InputFile {
  /** As it was given; `-` for standard input. */
  readonly name: string;
  readonly text: string;
}

const MANIFESTS = "*.{yaml,yml,json}";

/**
 * Reads what was named: files, patterns such as `sinks/*.yaml`, folders (their YAML and JSON files), `-` for standard input.
 * @throws UsageError naming what is not there
 */
export async function readFiles(names: readonly string[], io: Io): Promise<InputFile[]> {
  if (names.length === 0) throw new UsageError("no file: name one, or - for standard input");
  const files = [...new Set(names.flatMap(filesOf))];
  return await Promise.all(files.map((name) => readInput(name, io)));
}

function filesOf(name: string): string[] {
  if (name === "-") return [name];
  const found = statSync(name, { throwIfNoEntry: false });
  if (found?.isDirectory()) {
    const inside = globSync(MANIFESTS, { cwd: name }).toSorted();
    if (inside.length === 0) throw new UsageError(`${name} has no YAML or JSON files`);
    return inside.map((file) => join(name, file));
  }
  if (found !== undefined || !/[*?[{]/.test(name)) return [name];
  const matching = globSync(name).toSorted();
  if (matching.length === 0) throw new UsageError(`${name} matches no file`);
  return matching;
}

async function readInput(name: string, io: Io): Promise<InputFile> {
  if (name === "-") return { name, text: await text(io.stdin) };
  try {
    return { name, text: await readFile(name, "utf8") };
  } catch (error) {
    throw new UsageError(`cannot read ${name}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}
