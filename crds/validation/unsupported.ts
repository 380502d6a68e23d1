import type { KinesisSink, KinesisSinkSpec } from "../kinesissink.generated.ts";
import type { FieldError } from "./field-error.ts";

/** A field of which the definition knows more than the programs do. */
export interface Unsupported {
  readonly field: string;
  readonly used: (spec: KinesisSinkSpec) => boolean;
  readonly remedy: string;
}

/** What the schema has and this version does not do: nothing now. A line goes when its behaviour comes. */
const UNSUPPORTED: readonly Unsupported[] = [];

/** Fields of a valid KinesisSink that this version cannot honour. A sink with any of them must not run. */
export function unsupportedFields({ spec }: KinesisSink, unsupported = UNSUPPORTED): FieldError[] {
  return unsupported
    .filter(({ used }) => used(spec))
    .map(({ field, remedy }) => ({
      code: "UnsupportedField",
      field,
      message: `is not supported by this version: ${remedy}`,
    }));
}
