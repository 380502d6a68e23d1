import { PatternError, parseTopicsPattern } from "../../runtime/topics-pattern.ts";
import type { KinesisSink } from "../kinesissink.generated.ts";
import type { FieldError } from "./field-error.ts";
import { empty } from "./rule.ts";

/** What CEL cannot say: whether the pattern is a regular expression. The worker compiles it by the same function. */
export function patternErrors({ spec }: KinesisSink): readonly FieldError[] {
  const { topicsPattern = "" } = spec.pulsar;
  if (empty(topicsPattern)) return [];
  try {
    parseTopicsPattern(topicsPattern);
    return [];
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return [{ code: "TopicsPatternSyntax", field: "spec.pulsar.topicsPattern", message: error.message }];
  }
}
