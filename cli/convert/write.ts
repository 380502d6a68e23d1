import { Document, isMap, isScalar, type Pair, stringify } from "yaml";
import type { SecretValue } from "./connector.ts";
import type { Conversion } from "./convert.ts";

const WIDTH = 110;
/** In place of a credential. */
const HIDDEN = "REPLACE-ME";

/** The KinesisSink as YAML, with all that is to be said about it as comments. */
export function sinkYaml({ from, sink, comments, notes }: Conversion): string {
  const document = new Document(sink);
  document.commentBefore = headComment(from, notes);
  for (const [path, comment] of comments) {
    const pair = pairAt(document, ["spec", ...path.split(".")]);
    if (pair !== undefined && isScalar(pair.key))
      pair.key.commentBefore = wrapped(comment, WIDTH - 2 * path.split(".").length);
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function headComment(from: string, notes: readonly string[]): string {
  const head = ` Made of ${from}.`;
  if (notes.length === 0) return head;
  const list = notes.map((note) =>
    wrapped(note, WIDTH - 4)
      .replace(/^ /, " - ")
      .replaceAll("\n ", "\n   "),
  );
  return [`${head} What has no field here, or means something else:`, ...list].join("\n");
}

function pairAt(document: Document, path: readonly string[]): Pair | undefined {
  const parent = document.getIn(path.slice(0, -1));
  if (!isMap(parent)) return undefined;
  return parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
}

/** Lines of a comment; the library writes a `#` before each. */
function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one) => ` ${one}`).join("\n");
}

export interface SecretManifest {
  readonly apiVersion: "v1";
  readonly kind: "Secret";
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly stringData: Readonly<Record<string, string>>;
}

/** @param shown false: with a placeholder in place of each credential */
export function secretManifests({ sink, secrets }: Conversion, shown: boolean): SecretManifest[] {
  const { namespace } = sink.metadata;
  return secrets.map(({ name, key, value }: SecretValue) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    stringData: { [key]: shown ? value : hidden(value) },
  }));
}

/** The form of the value, for whoever fills it in: the names of a JSON object are no secrets. */
function hidden(value: string): string {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      return JSON.stringify(Object.fromEntries(Object.keys(parsed).map((name) => [name, HIDDEN])));
    }
  } catch {
    // Not JSON: a token.
  }
  return HIDDEN;
}

export function secretYaml(secret: SecretManifest, shown: boolean): string {
  const comment = shown
    ? ""
    : "# The credentials of the connector are not printed: fill them in, or have them written with --secrets-file FILE.\n";
  return `${comment}${stringify(secret, { lineWidth: 0 })}`;
}
