import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { runningReplicas } from "../../crds/replicas.ts";

/** How many workers a sink is to have now. A pause goes before the number, and 0 before what autoscaling has chosen. */
export function effectiveReplicas(sink: Pick<KinesisSink, "spec" | "status">): number {
  return sink.spec.paused ? 0 : runningReplicas(sink);
}
