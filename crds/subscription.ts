import type { KinesisSink } from "./kinesissink.generated.ts";

/**
 * Name of a file beside a worker's copy of its sink. It is there once workers were subscribed to all that this copy names: what
 * has no subscription then has come since, while no worker ran.
 */
export const SUBSCRIBED_FILE = "subscribed";

/**
 * Name of the sink's subscription: the given one, else `NAMESPACE.NAME`, which no other sink of the cluster has because a
 * namespace's name has no dot.
 */
export function subscriptionName({ metadata, spec }: KinesisSink): string {
  const { name } = spec.pulsar.subscription;
  return name === undefined || name === "" ? `${metadata.namespace ?? "default"}.${metadata.name}` : name;
}
