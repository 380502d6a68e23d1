import { children } from "../desired/children.ts";
import type { LiveSink } from "../desired/names.ts";
import type { RunResult } from "../kube/queue.ts";
import type { Problem } from "../status/observed.ts";
import { computeStatus } from "../status/status.ts";
import { applyChildren, removeStale } from "./applyChildren.ts";
import { type Context, type Dependencies, freshMemory, type Memory, type Step } from "./context.ts";
import { refuseNameConflicts } from "./nameConflict.ts";
import { observe } from "./observe.ts";
import { pruneWorkers } from "./pruneWorkers.ts";
import { refuseSpec } from "./refuseSpec.ts";
import { recordTransitions } from "./transitions.ts";
import { writeStatus } from "./writeStatus.ts";

/** On the way to the desired objects, in this order. The first problem ends it. */
const STEPS: readonly Step[] = [refuseNameConflicts, applyChildren, removeStale];

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
      return {};
    }
    // Its children go with it, by their owner references; to repair them now would hold up the deletion.
    if (sink.metadata.deletionTimestamp) return {};
    const logger = dependencies.logger.with({ namespace: sink.metadata.namespace, sink: sink.metadata.name });
    const refusal = refuseSpec(sink);
    const context: Context = {
      ...dependencies,
      logger,
      sink,
      key,
      signal,
      memory: remember(key, sink),
      children: refusal ? [] : children(sink, dependencies.worker),
      owned: new Map(),
    };
    return await report(context, refusal ?? (await prepare(context)));
  };
}

async function report(context: Context, refusal: Problem | undefined): Promise<RunResult> {
  const pruned = await pruneWorkers(context);
  const before = context.memory.status?.conditions ?? context.sink.status?.conditions ?? [];
  const now = new Date(context.clock.wall()).toISOString().replace(/\.\d+Z$/, "Z");
  const status = computeStatus(observe(context, refusal), before, now);
  const totalsAgain = await writeStatus(context, status);
  await recordTransitions(context, before, status.conditions);
  return {
    againAfterMs: Math.min(
      refusal ? REFUSED_AGAIN_MS : RESYNC_MS,
      pruned.again ? PRUNE_AGAIN_MS : RESYNC_MS,
      totalsAgain ?? RESYNC_MS,
    ),
  };
}

async function prepare(context: Context): Promise<Problem | undefined> {
  for (const step of STEPS) {
    const problem = await step(context);
    if (problem) return problem;
  }
  return undefined;
}
