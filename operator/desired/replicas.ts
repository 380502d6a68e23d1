import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { runningReplicas } from "../../crds/replicas.ts";

/**
 * How many workers a sink is to have now. Its deletion, where it is still there for that, and a pause go before the number, and 0
 * before what autoscaling has chosen.
 */
export function effectiveReplicas(sink: KinesisSink): number {
  return sink.spec.paused || sink.metadata.deletionTimestamp !== undefined ? 0 : runningReplicas(sink);
}
