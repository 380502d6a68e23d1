import { serverSideApply, type Target } from "../../runtime/kube/apply.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import { isConflict, isNotFound } from "../../runtime/kube/errors.ts";
import { apiVersion, collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import { PROGRAM } from "../program.ts";
import type { KubeObject } from "./objects.ts";

/** Server-side apply of the whole desired state, as the operator. */
export async function applyObject<T>(
  client: KubeClient,
  target: Target,
  object: KubeObject,
  options: { force: boolean; subresource?: "status"; signal: AbortSignal },
): Promise<T> {
  return await serverSideApply<T>(client, target, object, { ...options, fieldManager: PROGRAM });
}

/** Creates an object as the operator; ApiError 409 where there is one of the name, which is left as it is. */
export async function createObject<T>(
  client: KubeClient,
  { type, namespace }: Target,
  object: KubeObject,
  signal: AbortSignal,
): Promise<T> {
  return await client.request<T>({
    method: "POST",
    path: collectionPath(type, namespace),
    query: { fieldManager: PROGRAM },
    body: { apiVersion: apiVersion(type), kind: type.kind, ...object },
    signal,
  });
}

/** Managers of an object other than the operator: of one that it has just made there are none. */
export function otherManagers({ metadata }: KubeObject): string[] {
  const managers = (metadata.managedFields ?? []).map(({ manager }) => manager ?? "");
  return [...new Set(managers.filter((manager) => manager !== PROGRAM))];
}

export interface JsonPatchOperation {
  readonly op: "test" | "remove" | "replace" | "add";
  readonly path: string;
  readonly value?: unknown;
}

/** RFC 6902 patch; a failed `test` is ApiError 422. */
export async function patchJson<T>(
  client: KubeClient,
  target: Target,
  operations: readonly JsonPatchOperation[],
  options: { subresource?: "status"; signal: AbortSignal },
): Promise<T> {
  return await client.request<T>({
    method: "PATCH",
    path: objectPath(target.type, target.namespace, target.name, options.subresource),
    query: { fieldManager: PROGRAM },
    contentType: "application/json-patch+json",
    body: operations,
    signal: options.signal,
  });
}

/** JSON merge patch (RFC 7386): what the body does not name stays as it is. A uid in it must be the object's. */
export async function mergeObject<T>(
  client: KubeClient,
  target: Target,
  body: KubeObject,
  signal: AbortSignal,
): Promise<T> {
  return await client.request<T>({
    method: "PATCH",
    path: objectPath(target.type, target.namespace, target.name),
    query: { fieldManager: PROGRAM },
    contentType: "application/merge-patch+json",
    body,
    signal,
  });
}

/** Reads one object; undefined when it does not exist. */
export async function readObject<T>(client: KubeClient, target: Target, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await client.request<T>({ path: objectPath(target.type, target.namespace, target.name), signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Deletes exactly the object with this uid; one that is gone already, or was replaced, is left alone. */
export async function deleteObject(
  client: KubeClient,
  target: Target,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.request({
      method: "DELETE",
      path: objectPath(target.type, target.namespace, target.name),
      body: { preconditions: { uid }, propagationPolicy: "Background" },
      signal,
    });
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
