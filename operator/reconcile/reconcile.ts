import { holdsFinalizer } from "../cleanup/finalizer.ts";
import type { LiveSink } from "../desired/names.ts";
import type { RunResult } from "../kube/queue.ts";
import { applyDesired } from "./apply-desired.ts";
import { cleanUp } from "./clean-up.ts";
import { type Context, type Dependencies, type Memory, noChange } from "./context.ts";
import { FORCED, intervened, remembered } from "./interventions.ts";
import { forgetReadiness } from "./readiness-metric.ts";
import { endTurn, tellChange } from "./rollout-news.ts";
import { subjectOf } from "./transitions.ts";
import { updateStatus } from "./update-status.ts";

export type Reconcile = (key: string, signal: AbortSignal) => Promise<RunResult>;

/**
 * Brings the objects and the status of one sink to what its spec and the cluster's state say. Level-triggered. Memories are by
 * sink key.
 */
export function createReconcile(dependencies: Dependencies, memories: Map<string, Memory>): Reconcile {
  return async (key, signal) => {
    const found = dependencies.cluster.sink(key);
    const sink = found && intervened(found, dependencies.pause);
    if (!sink) {
      memories.delete(key);
      forgetReadiness(dependencies.metrics, key);
      dependencies.fleet.remove(key);
      return {};
    }
    const { memory, forced } = remembered(memories.get(key), sink);
    memories.set(key, memory);
    const context = contextOf(dependencies, sink, key, memory, signal);
    if (sink.metadata.deletionTimestamp) {
      forgetReadiness(dependencies.metrics, key);
      dependencies.fleet.remove(key);
      // Its children go with it, by their owner references; to repair them now would hold it up.
      return holdsFinalizer(sink) ? await cleanUp(context) : {};
    }
    if (forced) await context.events.record(subjectOf(sink), FORCED, signal);
    const { blocked, error } = await applyDesired(context).finally(() => endTurn(context));
    await tellChange(context);
    // The pods go on meanwhile, and so must the status.
    const result = await updateStatus(context, blocked);
    if (error !== undefined) throw error;
    return result;
  };
}

function contextOf(
  dependencies: Dependencies,
  sink: LiveSink,
  key: string,
  memory: Memory,
  signal: AbortSignal,
): Context {
  const { name, namespace } = sink.metadata;
  const logger = dependencies.logger.with({ namespace, sink: name });
  const desired = { refused: undefined, children: [], templateHash: undefined, unknownFields: [] };
  return { ...dependencies, logger, sink, key, memory, signal, ...desired, change: noChange(), owned: new Map() };
}
