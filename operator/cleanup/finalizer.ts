import type { LiveSink } from "../desired/names.ts";

/** On a sink while `spec.cleanupSubscription` is true: it is not gone before its subscription is. */
export const FINALIZER = "pulsar-kinesis.io/cleanup-subscription";

export function holdsFinalizer({ metadata }: LiveSink): boolean {
  return metadata.finalizers?.includes(FINALIZER) ?? false;
}
