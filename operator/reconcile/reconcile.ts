import { ApiError, isConflict } from "../../runtime/kube/errors.ts";
import { children } from "../desired/children.ts";
import type { LiveSink } from "../desired/names.ts";
import type { RunResult } from "../kube/queue.ts";
import type { Blocked } from "../status/observed.ts";
import { computeStatus } from "../status/status.ts";
import { applyChildren, removeStale } from "./apply-children.ts";
import { claimChildren } from "./claim-children.ts";
import { type Context, type Dependencies, freshMemory, type Memory, type Step } from "./context.ts";
import { observe } from "./observe.ts";
import { pruneWorkers } from "./prune-workers.ts";
import { forgetReadiness, tellReadiness } from "./readiness-metric.ts";
import { refuseSpec } from "./refuse-spec.ts";
import { recordTransitions } from "./transitions.ts";
import { writeStatus } from "./write-status.ts";

/** On the way to the desired objects, in this order. The first cause ends it. */
const STEPS: readonly Step[] = [claimChildren, applyChildren, removeStale];

/** A refused sink is tried again after this, for not every remedy can be watched. Milliseconds. */
const REFUSED_AGAIN_MS = 10_000;
/** Entries of workers that could not be judged yet are looked at again after this. */
const PRUNE_AGAIN_MS = 5_000;
/** Everything is looked at again now and then, whatever the watches say. */
const RESYNC_MS = 10 * 60_000;

export type Reconcile = (key: string, signal: AbortSignal) => Promise<RunResult>;

/** Brings the objects and the status of one sink to what its spec and the cluster's state say. Level-triggered. Memories are by sink key. */
export function createReconcile(dependencies: Dependencies, memories: Map<string, Memory>): Reconcile {
  const remember = (key: string, sink: LiveSink): Memory => {
    const known = memories.get(key);
    if (known?.uid === sink.metadata.uid) return known;
    const fresh = freshMemory(sink.metadata.uid);
    memories.set(key, fresh);
    return fresh;
  };

  return async (key, signal) => {
    const sink = dependencies.cluster.sink(key);
    if (!sink) {
      memories.delete(key);
      forgetReadiness(dependencies.metrics, key);
      return {};
    }
    // Its children go with it, by their owner references; to repair them now would hold up the deletion.
    if (sink.metadata.deletionTimestamp) {
      forgetReadiness(dependencies.metrics, key);
      return {};
    }
    const logger = dependencies.logger.with({ namespace: sink.metadata.namespace, sink: sink.metadata.name });
    const refused = refuseSpec(sink);
    const context: Context = {
      ...dependencies,
      logger,
      sink,
      key,
      signal,
      memory: remember(key, sink),
      children: refused ? [] : children(sink, dependencies.worker),
      owned: new Map(),
    };
    if (refused) return await report(context, { refused });
    const { error, ...blocked } = await prepare(context);
    // The pods go on meanwhile, and so must the status.
    const result = await report(context, blocked);
    if (error !== undefined) throw error;
    return result;
  };
}

async function report(context: Context, blocked: Blocked): Promise<RunResult> {
  const pruned = await pruneWorkers(context);
  const before = context.memory.status?.conditions ?? context.sink.status?.conditions ?? [];
  const now = new Date(context.clock.wall()).toISOString().replace(/\.\d+Z$/, "Z");
  const status = computeStatus(observe(context, blocked), before, now);
  tellReadiness(context, status);
  const totalsAgain = await writeStatus(context, status);
  await recordTransitions(context, before, status.conditions);
  return {
    againAfterMs: Math.min(
      blocked.refused ? REFUSED_AGAIN_MS : RESYNC_MS,
      pruned.again ? PRUNE_AGAIN_MS : RESYNC_MS,
      totalsAgain ?? RESYNC_MS,
    ),
  };
}

/** Takes the steps. An error that it returns is for the queue, which tries again. */
async function prepare(context: Context): Promise<Blocked & { readonly error?: unknown }> {
  try {
    for (const step of STEPS) {
      const refused = await step(context);
      if (refused) return { refused };
    }
    return {};
  } catch (error) {
    // A race is over when the watch has caught up.
    if (!(error instanceof ApiError) || isConflict(error)) throw error;
    // For example that a webhook cannot be called: nothing that the sink could do about.
    const message = `the sink's objects cannot be brought up to date: ${error.message}; it is tried again`;
    return { failed: { reason: "ApplyFailed", message, stalls: false }, error };
  }
}
