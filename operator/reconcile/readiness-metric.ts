import { effectiveReplicas } from "../desired/replicas.ts";
import { splitKey } from "../kube/objects.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { OperatorStatus } from "../status/status.ts";
import type { Context } from "./context.ts";

/** Serves Ready as a metric: a sink without a single worker has nobody else who could tell. */
export function setReadiness({ key, metrics, sink }: Context, { conditions }: OperatorStatus): void {
  const ready = conditions.some(({ type, status }) => type === "Ready" && status === "True");
  if (effectiveReplicas(sink) === 0) forgetReadiness(metrics, key);
  else metrics.sinkReady.set(labels(key), ready ? 1 : 0);
}

/** Of a sink that is gone, or is not to run. */
export function forgetReadiness(metrics: OperatorMetrics, key: string): void {
  metrics.sinkReady.remove(labels(key));
}

function labels(key: string): { sink_namespace: string; sink: string } {
  const { namespace, name } = splitKey(key);
  return { sink_namespace: namespace, sink: name };
}
