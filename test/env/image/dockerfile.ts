/** What the final stage of a Dockerfile says of the image. */
export interface Dockerfile {
  /** Each stage's base image, in order, with its name. */
  readonly stages: readonly { readonly from: string; readonly name: string | undefined }[];
  /** Files that stages before the last copy from the build context. */
  readonly contextSources: readonly string[];
  /** Folders of the build stage that the final stage copies to its root, in order: its layers. */
  readonly layers: readonly string[];
  readonly user: string | undefined;
  readonly workingDirectory: string | undefined;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

interface Instruction {
  readonly name: string;
  readonly value: string;
}

/**
 * Reads the subset of Dockerfile syntax that this project's file uses: no line continuations, JSON forms of ENTRYPOINT and
 * CMD, NAME=value and NAME="words" forms of ENV. Throws on anything else, so that a test never checks less than the file says.
 */
export function parseDockerfile(text: string): Dockerfile {
  const instructions = text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map(instruction);
  const last = instructions.findLastIndex(({ name }) => name === "FROM");
  const final = instructions.slice(last + 1);
  const defaults = instructions
    .filter(({ name }) => name === "ARG")
    .map(({ value }) => value.split("=", 2) as [string, string]);
  const value = (name: string): string | undefined => final.findLast((line) => line.name === name)?.value;
  return {
    stages: instructions.filter(({ name }) => name === "FROM").map((line) => stage(line.value, defaults)),
    contextSources: instructions
      .slice(0, last)
      .filter(({ name }) => name === "COPY")
      .flatMap((line) => line.value.split(/\s+/).slice(0, -1)),
    layers: final.filter(({ name }) => name === "COPY").map((line) => layer(line.value)),
    user: value("USER"),
    workingDirectory: value("WORKDIR"),
    env: final.filter(({ name }) => name === "ENV").flatMap((line) => variables(line.value)),
    entrypoint: words(value("ENTRYPOINT")),
    command: words(value("CMD")),
  };
}

const KNOWN = ["ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "FROM", "RUN", "USER", "WORKDIR"];

function instruction(line: string): Instruction {
  const [name = "", ...rest] = line.trim().split(/\s+/);
  if (!KNOWN.includes(name) || line.endsWith("\\")) throw new Error(`Dockerfile: cannot read "${line}"`);
  return { name, value: rest.join(" ") };
}

function stage(text: string, defaults: readonly [string, string][]): Dockerfile["stages"][number] {
  const [image = "", , name] = text.split(/\s+/);
  const from = defaults.reduce((filled, [argument, value]) => filled.replace(`\${${argument}}`, value), image);
  return { from, name };
}

function variables(text: string): string[] {
  const found = [...text.matchAll(/(\w+)=(?:"([^"\\$]*)"|([^\s"]+))(?:\s|$)/g)];
  const read = found.map(([, name, quoted, plain]) => `${name}=${quoted ?? plain}`);
  if (found.map(([all]) => all).join("") !== text) throw new Error(`Dockerfile: cannot read "ENV ${text}"`);
  return read;
}

function layer(text: string): string {
  const [, folder] = /^--from=build (\S+)\/ \/$/.exec(text) ?? [];
  if (folder === undefined)
    throw new Error(`Dockerfile: the final stage copies folders of the build stage to /, not "${text}"`);
  return folder;
}

function words(json: string | undefined): string[] {
  const parsed: unknown = JSON.parse(json ?? "[]");
  if (!Array.isArray(parsed)) throw new Error(`Dockerfile: expected a JSON list, not ${json}`);
  return parsed.map(String);
}
