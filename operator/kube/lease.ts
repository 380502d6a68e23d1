import type { KubeClient } from "../../runtime/kube/client.ts";
import { isNotFound } from "../../runtime/kube/errors.ts";
import { collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import { LEASES, type ObjectMeta } from "./objects.ts";

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** RFC 3339 with microseconds. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease {
  readonly metadata: ObjectMeta;
  readonly spec: LeaseSpec;
}

export interface LeaseClient {
  read(signal: AbortSignal): Promise<Lease | undefined>;
  create(spec: LeaseSpec, signal: AbortSignal): Promise<Lease>;
  /** Replaces the lease as it was read; ApiError 409 when somebody was faster. */
  update(lease: Lease, spec: LeaseSpec, signal: AbortSignal): Promise<Lease>;
}

export function createLeaseClient(client: KubeClient, namespace: string, name: string): LeaseClient {
  const path = objectPath(LEASES, namespace, name);
  const type = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };
  return {
    read: async (signal) => {
      try {
        return await client.request<Lease>({ path, signal });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    create: (spec, signal) =>
      client.request<Lease>({
        method: "POST",
        path: collectionPath(LEASES, namespace),
        body: { ...type, metadata: { name, namespace }, spec },
        signal,
      }),
    update: (lease, spec, signal) =>
      client.request<Lease>({ method: "PUT", path, body: { ...type, metadata: lease.metadata, spec }, signal }),
  };
}

/** Microseconds are what the API's MicroTime wants; the clock gives milliseconds. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace("Z", "000Z");
}
