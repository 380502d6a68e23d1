/** The Lease object of a sink, in which its workers tell one another which topic-partitions they have left clean. */

/** Behind the sink's name in the name of every child: a plain one could be the name of something that is not ours. */
export const CHILD_SUFFIX = "-kinesis-sink";

/** Its path in the API. */
export function handoverLeasePath(sink: { readonly namespace: string; readonly name: string }): string {
  const { namespace, name } = sink;
  const lease = encodeURIComponent(`${name}${CHILD_SUFFIX}`);
  return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases/${lease}`;
}
