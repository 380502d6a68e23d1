import type { KubeObject } from "../kube/objects.ts";
import { childMetadata, type LiveSink } from "./names.ts";

export interface LeaseObject extends KubeObject {
  spec: object;
}

/**
 * Where the workers of a sink tell one another which topic-partitions they have left clean: annotations, which are theirs.
 * Nobody holds it.
 */
export function lease(sink: LiveSink): LeaseObject {
  return { metadata: childMetadata(sink), spec: {} };
}
