import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { KubeObject, PolicyRule } from "../kube/objects.ts";
import { childMetadata, type LiveSink } from "./names.ts";

export interface RoleObject extends KubeObject {
  rules: PolicyRule[];
}

/**
 * A worker may write the status of its own sink; the admission policy narrows that to its own entry. It may read the sink
 * only when that holds the credentials itself, because they are kept out of the ConfigMap.
 */
export function role(sink: LiveSink): RoleObject {
  const { group, plural } = KINESIS_SINKS;
  const own = { apiGroups: [group], resourceNames: [sink.metadata.name] };
  const rules: PolicyRule[] = [{ ...own, resources: [`${plural}/status`], verbs: ["patch"] }];
  if (sink.spec.config.awsCredentialPluginParam) rules.push({ ...own, resources: [plural], verbs: ["get"] });
  return { metadata: childMetadata(sink), rules };
}
