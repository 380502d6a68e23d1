import { holdsFinalizer } from "../cleanup/finalizer.ts";
import type { LiveSink } from "../desired/names.ts";
import type { RunResult } from "../kube/queue.ts";
import { applyDesired } from "./apply-desired.ts";
import { cleanUp } from "./clean-up.ts";
import { type Context, type Dependencies, freshMemory, type Memory } from "./context.ts";
import { forgetReadiness } from "./readiness-metric.ts";
import { updateStatus } from "./update-status.ts";

export type Reconcile = (key: string, signal: AbortSignal) => Promise<RunResult>;

/**
 * Brings the objects and the status of one sink to what its spec and the cluster's state say. Level-triggered. Memories are by
 * sink key.
 */
export function createReconcile(dependencies: Dependencies, memories: Map<string, Memory>): Reconcile {
  return async (key, signal) => {
    const sink = dependencies.cluster.sink(key);
    if (!sink) {
      memories.delete(key);
      forgetReadiness(dependencies.metrics, key);
      return {};
    }
    const context = contextOf(dependencies, sink, key, remembered(memories, key, sink), signal);
    if (sink.metadata.deletionTimestamp) {
      forgetReadiness(dependencies.metrics, key);
      // Its children go with it, by their owner references; to repair them now would hold it up.
      return holdsFinalizer(sink) ? await cleanUp(context) : {};
    }
    const { blocked, error } = await applyDesired(context);
    // The pods go on meanwhile, and so must the status.
    const result = await updateStatus(context, blocked);
    if (error !== undefined) throw error;
    return result;
  };
}

/** What is remembered of this very sink; of one that had the same name before, nothing. */
function remembered(memories: Map<string, Memory>, key: string, { metadata }: LiveSink): Memory {
  const known = memories.get(key);
  if (known?.uid === metadata.uid) return known;
  const fresh = freshMemory(metadata.uid);
  memories.set(key, fresh);
  return fresh;
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
  return { ...dependencies, logger, sink, key, memory, signal, children: [], unknownFields: [], owned: new Map() };
}
