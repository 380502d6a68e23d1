import { jsonHash } from "../runtime/json-hash.ts";
import type { KinesisSink } from "./kinesissink.generated.ts";

/**
 * Name of the sink's subscription: the given one, else `NAMESPACE.NAME`, which no other sink of the cluster has because a
 * namespace's name has no dot.
 */
export function subscriptionName({ metadata, spec }: KinesisSink): string {
  const { name } = spec.pulsar.subscription;
  return name === undefined || name === "" ? `${metadata.namespace ?? "default"}.${metadata.name}` : name;
}

/** Hash of what is subscribed to: the cluster, the subscription and the topics. */
export function sourceHash(sink: KinesisSink): string {
  const { serviceUrl, topics = [], topicsPattern = "" } = sink.spec.pulsar;
  return jsonHash([serviceUrl, subscriptionName(sink), [...topics].sort(), topicsPattern]);
}
