/**
 * What an error says. Node tells of a host with several addresses, none of which answers, by an AggregateError without a
 * message: then what each of them said.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.message === "" && error.errors.length > 0) {
    return [...new Set(error.errors.map(errorText))].join("; ");
  }
  const { code } = error as { readonly code?: unknown };
  return error.message || (typeof code === "string" ? code : error.name);
}
