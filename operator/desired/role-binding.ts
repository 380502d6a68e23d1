import type { KubeObject } from "../kube/objects.ts";
import { childMetadata, childName, type LiveSink, serviceAccountName } from "./names.ts";

export interface RoleBindingObject extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: { kind: string; name: string; namespace: string }[];
}

/** For the account that the spec asks for, and for others that there are still workers of. */
export function roleBinding(sink: LiveSink, others: readonly string[]): RoleBindingObject {
  const { namespace } = sink.metadata;
  const wanted = serviceAccountName(sink);
  const accounts = [wanted, ...others.filter((name) => name !== wanted).sort()];
  return {
    metadata: childMetadata(sink),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: childName(sink) },
    subjects: accounts.map((name) => ({ kind: "ServiceAccount", name, namespace })),
  };
}
