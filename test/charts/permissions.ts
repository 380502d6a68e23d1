import type { PolicyRule } from "../../operator/kube/objects.ts";

/** Rules as a sorted list of single permissions, `group/resource verb`. */
export function permissions(rules: readonly PolicyRule[]): string[] {
  const all = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`))),
  );
  return all.sort();
}
