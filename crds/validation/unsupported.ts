import type { KinesisSink, KinesisSinkSpec } from "../kinesissink.generated.ts";
import type { FieldError } from "./field-error.ts";

interface Unsupported {
  readonly field: string;
  readonly used: (spec: KinesisSinkSpec) => boolean;
  readonly remedy: string;
}

/** What the schema has and this version does not do. A line goes when its behaviour comes. */
const unsupported: readonly Unsupported[] = [
  {
    field: "spec.cleanupSubscription",
    used: ({ cleanupSubscription }) => cleanupSubscription,
    remedy: "remove it, and delete the subscription with pulsar-admin topics unsubscribe",
  },
];

/** Fields of a valid KinesisSink that this version cannot honour. A sink with any of them must not run. */
export function unsupportedFields({ spec }: KinesisSink): FieldError[] {
  return unsupported
    .filter(({ used }) => used(spec))
    .map(({ field, remedy }) => ({
      code: "UnsupportedField",
      field,
      message: `is not supported by this version: ${remedy}`,
    }));
}
