import type { OperatorReason } from "../../crds/reasons.ts";
import { formatErrors } from "../../crds/validation/field-error.ts";
import { unsupportedFields } from "../../crds/validation/unsupported.ts";
import { validateKinesisSink } from "../../crds/validation/validate.ts";
import { LARGEST_SPEC } from "../cluster/sink-view.ts";
import type { LiveSink, OversizedSpec } from "../desired/names.ts";
import type { Cause } from "../status/observed.ts";

/** What a sink's spec is to this version. */
export interface SpecReview {
  /** Why the spec cannot be acted on; what runs from an earlier one is left running. */
  readonly refused: Cause | undefined;
  /** Paths of fields that this version does not know. */
  readonly unknownFields: readonly string[];
}

/** Rules that came when there were sinks that broke them, and did no harm. The API server holds new ones to them. */
const FOR_NEW_SINKS: readonly string[] = ["ImageVariable"];

/**
 * The API server has validated the spec, but perhaps with another definition. An older one admits what this version knows to be
 * wrong. A newer one knows fields that this version does not, and may set them by itself: they are left alone. And the
 * definition knows fields whose behaviour this version lacks.
 */
export function reviewSpec(sink: LiveSink): SpecReview {
  if (sink.oversized) return { refused: tooLarge(sink.oversized), unknownFields: [] };
  const validation = validateKinesisSink(sink, { except: FOR_NEW_SINKS, unknownFields: "leave" });
  if (!validation.ok) {
    const refused = {
      reason: "InvalidSpec" satisfies OperatorReason,
      message: formatErrors(validation.errors),
      stalls: true,
    };
    return { refused, unknownFields: [] };
  }
  const { unknownFields } = validation;
  const unsupported = unsupportedFields(sink);
  if (unsupported.length === 0) return { refused: undefined, unknownFields };
  const refused = {
    reason: "UnsupportedField" satisfies OperatorReason,
    message: formatErrors(unsupported),
    stalls: true,
  };
  return { refused, unknownFields };
}

function tooLarge({ bytes, field }: OversizedSpec): Cause {
  return {
    reason: "InvalidSpec" satisfies OperatorReason,
    message: `spec: has ${bytes} bytes as JSON, of which ${field.path} has ${field.bytes}: shorten it to ${LARGEST_SPEC} in all`,
    stalls: true,
  };
}
