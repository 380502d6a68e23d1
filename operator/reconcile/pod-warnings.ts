import { collectionPath } from "../../runtime/kube/resource-type.ts";
import type { PodView } from "../cluster/cluster.ts";
import { type CoreEvent, latestWarning } from "../cluster/pod-warning.ts";
import { CORE_EVENTS } from "../kube/objects.ts";
import type { Context, PodWarning } from "./context.ts";
import { controlledPods } from "./observe.ts";

/** What of a reconcile the asking needs. */
export type WarningContext = Pick<
  Context,
  "client" | "clock" | "cluster" | "key" | "logger" | "memory" | "signal" | "sink"
>;

/** Most pods have started by then, and most warnings of the others are there. */
const FIRST_MS = 10_000;
/** A pod that waits for days is asked about ever more rarely. */
const LONGEST_MS = 5 * 60_000;
/** Replicas that do not start share the cause, as a rule. */
const PODS_AT_ONCE = 3;
/** The server sums up equal warnings, so a pod has few. */
const EVENTS_LIMIT = 100;

/**
 * Asks for the warnings of pods that have not started: some causes, such as a volume that cannot be mounted, show nowhere
 * else. They are asked for, not watched, for a cluster has many others. Says after how long to come back, if at all.
 */
export async function askForWarnings(context: WarningContext): Promise<number | undefined> {
  const { clock, memory } = context;
  const waiting = controlledPods(context)
    .filter(({ started, ready, terminating, cause }) => !started && !ready && !terminating && !cause)
    .slice(0, PODS_AT_ONCE);
  const names = new Set(waiting.map(({ name }) => name));
  for (const name of memory.podWarnings.keys()) if (!names.has(name)) memory.podWarnings.delete(name);
  let earliest = Number.POSITIVE_INFINITY;
  for (const pod of waiting) {
    const known = memory.podWarnings.get(pod.name) ?? {
      askAt: clock.now() + FIRST_MS,
      againMs: FIRST_MS,
      cause: undefined,
    };
    memory.podWarnings.set(pod.name, known);
    if (known.askAt <= clock.now()) await ask(context, pod, known);
    earliest = Math.min(earliest, known.askAt);
  }
  return waiting.length === 0 ? undefined : Math.max(0, earliest - clock.now());
}

async function ask(context: WarningContext, pod: PodView, known: PodWarning): Promise<void> {
  known.askAt = context.clock.now() + known.againMs;
  known.againMs = Math.min(LONGEST_MS, known.againMs * 2);
  try {
    known.cause = latestWarning(await warnings(context, pod.name));
  } catch (error) {
    if (context.signal.aborted) throw error;
    // The status says less without them, but says it.
    context.logger.warn("the warnings about a pod cannot be read", { pod: pod.name, error });
  }
}

async function warnings({ client, signal, sink }: WarningContext, pod: string): Promise<CoreEvent[]> {
  const { items } = await client.request<{ items?: CoreEvent[] }>({
    path: collectionPath(CORE_EVENTS, sink.metadata.namespace),
    query: { fieldSelector: `involvedObject.kind=Pod,involvedObject.name=${pod},type=Warning`, limit: EVENTS_LIMIT },
    signal,
  });
  return items ?? [];
}
