/** Something wrong with one field of a manifest. */
export interface FieldError {
  /** Stable: a kind of schema violation such as `UnknownField`, or the id of a rule. */
  readonly code: string;
  /** Path of the field, for example `spec.config.awsRegion` or `spec.pulsar.topics[2]`. */
  readonly field: string;
  /** What is wrong and what to do, without the field's value where it may be a secret. */
  readonly message: string;
}

/** One line per error, ready to be shown. */
export function formatErrors(errors: readonly FieldError[]): string {
  return errors.map(({ field, message }) => `${field}: ${message}`).join("\n");
}
