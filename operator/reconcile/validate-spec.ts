import { formatErrors } from "../../crds/validation/field-error.ts";
import { unsupportedFields } from "../../crds/validation/unsupported.ts";
import { validateKinesisSink } from "../../crds/validation/validate.ts";
import type { Cause } from "../status/observed.ts";
import type { Context } from "./context.ts";

/**
 * Why a spec cannot be acted on. The API server has validated it, but perhaps with an older definition; and the definition
 * knows fields whose behaviour this version lacks. What runs from an earlier spec is left running.
 */
export function validateSpec({ sink }: Pick<Context, "sink">): Cause | undefined {
  const validation = validateKinesisSink(sink);
  if (!validation.ok) return { reason: "InvalidSpec", message: formatErrors(validation.errors), stalls: true };
  const unsupported = unsupportedFields(sink);
  if (unsupported.length === 0) return undefined;
  return { reason: "UnsupportedField", message: formatErrors(unsupported), stalls: true };
}
