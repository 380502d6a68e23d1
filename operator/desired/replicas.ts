import type { KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";

/** How many workers a sink is to have now. A pause goes before the number. */
export function effectiveReplicas({ paused, replicas }: Pick<KinesisSinkSpec, "paused" | "replicas">): number {
  return paused ? 0 : replicas;
}
