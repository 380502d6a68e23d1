import type { KubeObject } from "../kube/objects.ts";
import { childMetadata, childName, type LiveSink, serviceAccountName } from "./names.ts";

export interface RoleBindingObject extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: { kind: string; name: string; namespace: string }[];
}

export function roleBinding(sink: LiveSink): RoleBindingObject {
  return {
    metadata: childMetadata(sink),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: childName(sink) },
    subjects: [{ kind: "ServiceAccount", name: serviceAccountName(sink), namespace: sink.metadata.namespace }],
  };
}
