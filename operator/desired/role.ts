import { KINESIS_SINKS } from "../../crds/resource.ts";
import { type KubeObject, LEASES, type PolicyRule } from "../kube/objects.ts";
import { childMetadata, childName, type LiveSink } from "./names.ts";

export interface RoleObject extends KubeObject {
  rules: PolicyRule[];
}

/**
 * A worker may write the status of its own sink; the admission policy narrows that to its own entry. It may read the sink
 * only when that holds the credentials itself, because they are kept out of the ConfigMap. Where order is kept, workers tell
 * one another in the sink's Lease which topic-partitions they have left clean.
 */
export function role(sink: LiveSink): RoleObject {
  const { group, plural } = KINESIS_SINKS;
  const own = { apiGroups: [group], resourceNames: [sink.metadata.name] };
  const rules: PolicyRule[] = [{ ...own, resources: [`${plural}/status`], verbs: ["patch"] }];
  const lease = { apiGroups: [LEASES.group], resources: [LEASES.plural], resourceNames: [childName(sink)] };
  if (sink.spec.config.retainOrdering) rules.push({ ...lease, verbs: ["get", "patch"] });
  if (sink.spec.config.awsCredentialPluginParam) rules.push({ ...own, resources: [plural], verbs: ["get"] });
  return { metadata: childMetadata(sink), rules };
}
