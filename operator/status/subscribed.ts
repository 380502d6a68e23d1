import type { KinesisSinkStatus } from "../../crds/kinesissink.generated.ts";
import { sourceHash } from "../../crds/subscription.ts";
import { workerConfig } from "../desired/config-map.ts";
import type { Facts } from "./facts.ts";

/**
 * What workers have been subscribed to, all of it, with their present configuration. It stays when no worker runs, and until
 * they were subscribed to something else.
 */
export function subscribed({ observed, reports }: Facts): Pick<KinesisSinkStatus, "subscribed"> {
  const { sink } = observed;
  const before = sink.status?.subscribed;
  if (sink.spec.pulsar.subscription.initialPosition !== "Latest")
    return before === undefined ? {} : { subscribed: before };
  const { hash } = workerConfig(sink);
  const connected = reports.some((report) => report.configHash === hash && report.source?.connected === true);
  const now = connected ? sourceHash(sink) : before;
  return now === undefined ? {} : { subscribed: now };
}
