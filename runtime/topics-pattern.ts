import type { RE2JS } from "re2js";

/** A pattern of topics that cannot be used. The message says what is wrong with it and what to write. */
export class PatternError extends Error {
  override readonly name = "PatternError";
  readonly code = "InvalidPattern";
}

export interface TopicsPattern {
  /** `tenant/namespace` */
  readonly namespace: string;
  /** Whether a topic's name, without the namespace, matches as a whole. @throws PatternError when that takes too long */
  matches(name: string): boolean;
}

/** A name has at most some hundred characters: a sound pattern takes microseconds. */
const TIMEOUT_MS = 50;

/**
 * A pattern as Pulsar's clients take it: tenant and namespace are literal, the rest is a regular expression. As there it is
 * matched by RE2, in time that grows with the name alone; what RE2 does not know, look-arounds and back-references above
 * all, is matched by JavaScript's own engine within a time limit, where Java's clients take Java's.
 * @throws PatternError
 */
export function parseTopicsPattern(pattern: string): TopicsPattern {
  const local = pattern.replace(/^persistent:\/\//, "");
  const match = /^([^/]+\/[^/]+)\/(.+)$/s.exec(local.includes("/") ? local : `public/default/${local}`);
  if (match === null || local.startsWith("non-persistent:")) {
    throw new PatternError("is no topics pattern: write persistent://tenant/namespace/ and a regular expression");
  }
  const [, namespace = "", expression = ""] = match;
  return { namespace, matches: linear(expression) ?? limited(expression) };
}

/** Null for what RE2 does not know. */
function linear(expression: string): TopicsPattern["matches"] | null {
  try {
    const compiled = re2().compile(expression);
    return (name) => compiled.matches(name);
  } catch {
    return null;
  }
}

/** Loaded with the first pattern: it takes 5 MB, and most sinks name their topics. */
function re2(): typeof RE2JS {
  const { createRequire } = process.getBuiltinModule("node:module");
  return createRequire(import.meta.url)("re2js").RE2JS;
}

/** @throws PatternError */
function limited(expression: string): TopicsPattern["matches"] {
  const source = `^(?:${javaScriptOf(expression)})$`;
  try {
    new RegExp(source, "u");
  } catch (error) {
    // Its message holds the expression, and ends with the reason.
    const reason = error instanceof Error ? error.message.slice(error.message.lastIndexOf(": ") + 2) : "invalid";
    const remedy = "correct it, or write it with the syntax of RE2 (https://github.com/google/re2/wiki/Syntax)";
    throw new PatternError(`is no regular expression after the namespace (${reason}): ${remedy}`);
  }
  const { createContext, Script } = process.getBuiltinModule("node:vm");
  const context = createContext({ source, name: "" });
  const test = new Script("(globalThis.compiled ??= new RegExp(source, 'u')).test(name)");
  return (name) => {
    context["name"] = name;
    try {
      return test.runInContext(context, { timeout: TIMEOUT_MS }) as boolean;
    } catch {
      throw new PatternError(
        `takes more than ${TIMEOUT_MS} ms to match one topic's name: write it without look-arounds, back-references and repetitions within repetitions`,
      );
    }
  };
}

/** Java escapes any punctuation; JavaScript, where it is strict, syntax characters alone. */
function javaScriptOf(expression: string): string {
  return expression.replace(/\\(.)/gsu, (escaped, character: string) =>
    /[!"#%&',:;<=>@_`~ -]/.test(character) ? `\\x${character.charCodeAt(0).toString(16)}` : escaped,
  );
}
