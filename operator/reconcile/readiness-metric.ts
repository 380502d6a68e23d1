import { effectiveReplicas } from "../desired/replicas.ts";
import { splitKey } from "../kube/objects.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { OperatorStatus } from "../status/status.ts";
import type { Context } from "./context.ts";

type Told = Pick<OperatorStatus, "conditions" | "readyReplicas">;

/**
 * Serves Ready as a metric, and how many workers are missing or silent: a worker that is not there, or cannot report, has nobody
 * else who could tell.
 */
export function setReadiness({ key, metrics, sink }: Context, status: Told, silent: number): void {
  const desired = effectiveReplicas(sink);
  if (desired === 0) {
    forgetReadiness(metrics, key);
    return;
  }
  const ready = status.conditions.some((condition) => condition.type === "Ready" && condition.status === "True");
  metrics.sinkReady.set(labels(key), ready ? 1 : 0);
  setWorkers(metrics, key, "missing", desired - status.readyReplicas);
  setWorkers(metrics, key, "silent", silent);
}

/** Of a sink that is gone, or is not to run. */
export function forgetReadiness(metrics: OperatorMetrics, key: string): void {
  metrics.sinkReady.remove(labels(key));
  setWorkers(metrics, key, "missing", 0);
  setWorkers(metrics, key, "silent", 0);
}

/** What is as it should be takes no series: thousands of sinks would have thousands. */
function setWorkers({ sinkWorkers }: OperatorMetrics, key: string, state: "missing" | "silent", count: number): void {
  if (count > 0) sinkWorkers.set({ ...labels(key), state }, count);
  else sinkWorkers.remove({ ...labels(key), state });
}

function labels(key: string): { sink_namespace: string; sink: string } {
  const { namespace, name } = splitKey(key);
  return { sink_namespace: namespace, sink: name };
}
