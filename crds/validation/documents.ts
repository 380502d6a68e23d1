import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type ScalarTag,
  visit,
  type YAMLError,
} from "yaml";

/** A place in a text; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One document of a manifest. */
export interface ManifestDocument {
  readonly value: unknown;
  /**
   * Where a field stands, by a path such as `spec.pulsar.topics[2]`. Its value where that is a single one, and the name is not
   * asked for; else its name. Of a field that is not there, the nearest object around it.
   */
  place(field: string, part?: "name" | "value"): Place;
}

export interface SyntaxProblem extends Place {
  /** Without the text, which may hold a secret. */
  readonly message: string;
}

export type Documents =
  | { readonly ok: true; readonly documents: readonly ManifestDocument[] }
  | { readonly ok: false; readonly errors: readonly SyntaxProblem[] };

/** `kubectl` reads YAML 1.1, in which these are booleans. */
const BOOLEAN: ScalarTag = {
  identify: (value) => typeof value === "boolean",
  default: true,
  tag: "tag:yaml.org,2002:bool",
  test: /^(?:[Tt]rue|TRUE|[Yy]|[Yy]es|YES|[Oo]n|ON|[Ff]alse|FALSE|[Nn]|[Nn]o|NO|[Oo]ff|OFF)$/,
  resolve: (text) => /^(?:t|y|on)/i.test(text),
};

/** What the parser's errors mean; its own messages would quote the text. */
const MEANINGS: Readonly<Partial<Record<YAMLError["code"], string>>> = {
  BAD_DQ_ESCAPE: "an escape sequence that double quotes do not know: use single quotes",
  BAD_INDENT: "the indentation does not fit: align the fields of one object, or close the bracket before it",
  BAD_SCALAR_START: "a value that begins with this character must be in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a field within a field on one line: begin a new line, or put the value in quotes",
  BLOCK_IN_FLOW: "lines with dashes or indented fields do not go into brackets",
  DUPLICATE_KEY: "the same field a second time: remove one",
  MISSING_CHAR: "a bracket, a quote, a comma, a blank or a colon is missing",
  MULTILINE_IMPLICIT_KEY:
    "the name of a field has several lines: a colon or a quote is missing, or the indentation is wrong",
  RESOURCE_EXHAUSTION: "it is nested too deep",
  TAB_AS_INDENT: "a tab does not indent: use blanks",
  UNEXPECTED_TOKEN:
    "something is here that does not belong here: a quote or a bracket is missing before, or one too many",
};

/** Reads YAML or JSON as `kubectl` does, documents that hold nothing left out. */
export function readDocuments(text: string): Documents {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    customTags: (tags) => [BOOLEAN, ...tags],
  });
  const all = Array.isArray(parsed) ? parsed : [];
  const errors = all.flatMap((document) => telling(document.errors)).map((error) => syntaxProblem(error, lines));
  if (errors.length > 0) return { ok: false, errors };
  const documents: ManifestDocument[] = [];
  for (const document of all) {
    const content = contentOf(document, lines);
    if (!content.ok) return { ok: false, errors: [content.error] };
    const { value } = content;
    if (value === null || value === undefined) continue;
    documents.push({ value, place: (field, part = "value") => placeOf(document, field, part, lines) });
  }
  return { ok: true, documents };
}

/** After its first error a document is read as something else than was meant: only fields given twice are told beside it. */
function telling(errors: readonly YAMLError[]): readonly YAMLError[] {
  return errors.filter(({ code }, index) => index === 0 || code === "DUPLICATE_KEY");
}

function syntaxProblem({ code, pos }: YAMLError, lines: LineCounter): SyntaxProblem {
  return { ...place(lines, pos[0]), message: MEANINGS[code] ?? "it cannot be read from here on" };
}

function place(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

type Content = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: SyntaxProblem };

/** Aliases multiply what they stand for, so the library refuses very many. */
function contentOf(document: Document, lines: LineCounter): Content {
  try {
    return { ok: true, value: document.toJS() };
  } catch {
    const lost = lostAlias(document);
    const error =
      lost === undefined
        ? { line: 1, column: 1, message: "its aliases (*name) or merges (<<) cannot be followed: write the fields out" }
        : { ...place(lines, lost), message: "an alias (*name) has no anchor (&name) before it" };
    return { ok: false, error };
  }
}

/** The offset of the first alias that stands for nothing. */
function lostAlias(document: Document): number | undefined {
  let found: number | undefined;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      found = alias.range?.[0];
      return visit.BREAK;
    },
  });
  return found;
}

function placeOf(document: Document, field: string, part: "name" | "value", lines: LineCounter): Place {
  const { key, node, rest } = follow(document, field);
  const byValue = part === "value" && rest === "" && isScalar(node) && node.value !== null;
  const named = byValue ? node : (key ?? node);
  const offset = isNode(named) ? named.range?.[0] : undefined;
  return place(lines, offset ?? document.contents?.range?.[0] ?? 0);
}

interface Found {
  /** The node that names what was found last. */
  readonly key: unknown;
  readonly node: unknown;
  /** What of the path is not there. */
  readonly rest: string;
}

/** Goes along a path as far as it is there. Names may have dots, so the longest that fits is taken. */
function follow(document: Document, field: string): Found {
  let found: Found = { key: null, node: document.contents as Node | null, rest: field };
  for (;;) {
    const node = isAlias(found.node) ? found.node.resolve(document) : found.node;
    const next = isMap(node) ? inMap(node.items, found.rest) : isSeq(node) ? inList(node.items, found.rest) : null;
    if (next === null) return found;
    found = next;
  }
}

function inMap(items: readonly { key: unknown; value: unknown }[], path: string): Found | null {
  const fits = items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : "";
    const here = name !== "" && path.startsWith(name) && /^($|[.[])/.test(path.slice(name.length));
    return here ? [{ key, node: value, rest: path.slice(name.length).replace(/^\./, ""), name }] : [];
  });
  return fits.toSorted((a, b) => b.name.length - a.name.length)[0] ?? null;
}

function inList(items: readonly unknown[], path: string): Found | null {
  const [match = "", index] = /^\[(\d+)\]\.?/.exec(path) ?? [];
  const node = index === undefined ? undefined : items[Number(index)];
  return node === undefined ? null : { key: node, node, rest: path.slice(match.length) };
}
