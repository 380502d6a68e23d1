import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { ApiError, ApiUnreachableError, isForbidden, isNotFound } from "../../runtime/kube/errors.ts";
import { collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import { UsageError } from "../io.ts";
import type { Cluster } from "./access.ts";

/** Which sinks a command is about. */
export interface Selection {
  readonly names: readonly string[];
  /** A label selector. */
  readonly selector: string | undefined;
  readonly allNamespaces: boolean;
}

/** Something that was asked of the cluster is not so; told, and the command ends as bad. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code = "Refused";
}

/** @throws RefusedError when one that was named is not there; UsageError when the cluster cannot be asked */
export async function findSinks(
  cluster: Cluster,
  { names, selector, allNamespaces }: Selection,
): Promise<KinesisSink[]> {
  if (names.length > 0 && (allNamespaces || selector !== undefined)) {
    throw new UsageError("give names, or -l and -A, not both");
  }
  if (names.length > 0) return await Promise.all(names.map((name) => getSink(cluster, name)));
  const namespace = allNamespaces ? undefined : cluster.namespace;
  const { items } = await asked(
    cluster.client.request<{ items: KinesisSink[] }>({
      path: collectionPath(KINESIS_SINKS, namespace),
      query: { labelSelector: selector },
    }),
  );
  return items.toSorted((a, b) => sinkPath(a).localeCompare(sinkPath(b)));
}

export async function getSink({ client, namespace }: Cluster, name: string): Promise<KinesisSink> {
  return await asked(
    client.request<KinesisSink>({ path: objectPath(KINESIS_SINKS, namespace, name) }),
    `there is no ${KINESIS_SINKS.kind} ${namespace}/${name}: see "kinesis-sink status -A"`,
  );
}

/** What a request resolves to; its failure as the command's own. @param missing what is said when it is not found */
export async function asked<T>(request: Promise<T>, missing?: string): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (isNotFound(error)) {
      throw new RefusedError(missing ?? `the cluster knows no ${KINESIS_SINKS.kind}: install the operator's chart`);
    }
    if (isForbidden(error)) throw new RefusedError((error as ApiError).message);
    if (error instanceof ApiError || error instanceof ApiUnreachableError) throw new UsageError(error.message);
    throw error;
  }
}

/** `namespace/name` */
export function sinkPath({ metadata }: KinesisSink): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
