import type { KinesisSink, KinesisSinkSpec } from "../kinesissink.generated.ts";

/**
 * The twin of one CEL rule of kinesissinks.yaml, for places that no API server guards. It sees the sink with its defaults
 * applied, and like CEL only when the schema holds.
 */
export interface Rule {
  /** Stable name, also the error's code. */
  readonly id: string;
  /** Where the CEL rule stands in the definition, `[]` being an item of a list. */
  readonly at: string;
  /** The CEL rule's message, word for word. */
  readonly message: string;
  /** Fields that break the rule, as paths. Empty when it holds. */
  readonly broken: (sink: KinesisSink) => readonly string[];
  /** What was probably meant, to be said behind the message; CEL cannot say it. */
  readonly meant?: (spec: KinesisSinkSpec) => string | undefined;
}

/** Empty strings and absent ones both mean unset. */
export const empty = (value: string | undefined): boolean => value === undefined || value === "";

/** A rule about one field: broken when the field is there and `holds` is false. */
export function fieldRule(
  id: string,
  path: string,
  message: string,
  read: (spec: KinesisSinkSpec) => string | undefined,
  holds: (value: string) => boolean,
): Rule {
  const broken = ({ spec }: KinesisSink) => {
    const value = read(spec);
    return value === undefined || holds(value) ? [] : [path];
  };
  return { id, at: path, message, broken };
}

/** A rule about a part of the spec: names `path` unless `holds`. */
export function partRule(
  id: string,
  at: string,
  path: string,
  message: string,
  holds: (spec: KinesisSinkSpec) => boolean,
): Rule {
  return { id, at, message, broken: ({ spec }) => (holds(spec) ? [] : [path]) };
}
