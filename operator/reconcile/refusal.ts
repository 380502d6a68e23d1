import type { Cause } from "../status/observed.ts";
import type { Context } from "./context.ts";

/** What of a reconcile the pacing needs. */
export type RefusalContext = Pick<Context, "clock" | "memory" | "sink">;

/** Not every remedy can be watched, so a refused sink is tried again, ever more rarely. Milliseconds. */
const FIRST_MS = 10_000;
const LONGEST_MS = 5 * 60_000;

/**
 * After how long a refused sink is tried again; undefined when it is not refused. Another spec or cause begins anew, and what
 * else brings the sink to be reconciled meanwhile changes nothing.
 */
export function refusedAgainMs(
  { clock, memory, sink }: RefusalContext,
  refused: Cause | undefined,
): number | undefined {
  if (!refused) {
    memory.refusal = undefined;
    return undefined;
  }
  const now = clock.now();
  const mark = `${sink.metadata.generation} ${refused.reason} ${refused.message}`;
  const known = memory.refusal?.mark === mark ? memory.refusal : undefined;
  if (known && now < known.dueAt) return known.dueAt - now;
  const delayMs = known ? Math.min(LONGEST_MS, known.delayMs * 2) : FIRST_MS;
  memory.refusal = { mark, delayMs, dueAt: now + delayMs };
  return delayMs;
}
