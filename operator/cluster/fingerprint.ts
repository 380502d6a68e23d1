import { jsonHash } from "../../runtime/json-hash.ts";
import type { KubeObject } from "../kube/objects.ts";

const REVISION = "deployment.kubernetes.io/revision";

/**
 * A word that changes when somebody changes an object, but not with a Deployment's status: its generation counts changes of
 * the spec, and its metadata is hashed. All other children have no status, so their resource version will do.
 */
export function fingerprint({ metadata }: KubeObject): string {
  if (metadata.generation === undefined) return `${metadata.uid}/${metadata.resourceVersion}`;
  const { [REVISION]: _revision, ...annotations } = metadata.annotations ?? {};
  const { labels, ownerReferences } = metadata;
  return `${metadata.uid}/${metadata.generation}/${jsonHash({ labels, annotations, ownerReferences })}`;
}
