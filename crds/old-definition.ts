/**
 * What a program says that left parts of a status out.
 * @param leftOut paths such as `status.totals.lagSeconds`
 */
export function definitionTooOld(leftOut: readonly string[]): string {
  const place = `the KinesisSink definition in the cluster has no place for ${leftOut.join(", ")}`;
  return `CRD too old: ${place}, which is left out: apply the definition of this version, crds/kinesissinks.yaml; helm upgrade does, unless crds.enabled is false`;
}
