/** The class of an operator that is given none, and of a sink that names none. */
export const DEFAULT_CLASS = "default";

/** The class of the operator that is to reconcile the sink: that of `spec.class`. */
export function operatorClassOf({ spec }: { readonly spec?: { readonly class?: string } }): string {
  return spec?.class || DEFAULT_CLASS;
}
