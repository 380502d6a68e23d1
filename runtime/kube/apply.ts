import type { KubeClient } from "./client.ts";
import { apiVersion, objectPath, type ResourceType } from "./resource-type.ts";

/** Names one object of the API. */
export interface Target {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
}

export interface ApplyOptions {
  /** Who applies, in `metadata.managedFields`. */
  readonly fieldManager: string;
  /** Whether fields that others have set are taken from them; without, they are a conflict (ApiError 409). */
  readonly force: boolean;
  readonly subresource?: "status";
  readonly signal: AbortSignal;
}

/**
 * Server-side apply: what the object says is the field manager's from then on, and what it said before and does not any more
 * goes. A `metadata.uid` in the object makes a successor of the same name a conflict. Resolves to the object as it is now.
 */
export async function serverSideApply<T>(
  client: KubeClient,
  target: Target,
  object: object,
  { fieldManager, force, subresource, signal }: ApplyOptions,
): Promise<T> {
  return await client.request<T>({
    method: "PATCH",
    path: objectPath(target.type, target.namespace, target.name, subresource),
    query: { fieldManager, force },
    contentType: "application/apply-patch+yaml",
    body: { ...object, apiVersion: apiVersion(target.type), kind: target.type.kind },
    signal,
  });
}
