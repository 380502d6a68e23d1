import { jsonHash } from "../../runtime/json-hash.ts";
import type { ResourceType } from "../../runtime/kube/resource-type.ts";
import { type KubeObject, LEASES } from "../kube/objects.ts";

const REVISION = "deployment.kubernetes.io/revision";

/**
 * A word that changes when somebody changes an object, but not with a Deployment's status: its generation counts changes of
 * the spec, and its metadata is hashed. Nor with the annotations of a Lease, which are the workers'. All other children have
 * no status, so their resource version will do.
 */
export function fingerprint(type: ResourceType, { metadata }: KubeObject): string {
  const { labels, ownerReferences } = metadata;
  if (type === LEASES) return `${metadata.uid}/${jsonHash({ labels, ownerReferences })}`;
  if (metadata.generation === undefined) return `${metadata.uid}/${metadata.resourceVersion}`;
  const { [REVISION]: _revision, ...annotations } = metadata.annotations ?? {};
  return `${metadata.uid}/${metadata.generation}/${jsonHash({ labels, annotations, ownerReferences })}`;
}
