import type { RunResult } from "../kube/queue.ts";
import type { Blocked } from "../status/observed.ts";
import { computeStatus } from "../status/status.ts";
import { autoscale } from "./autoscale.ts";
import type { Context } from "./context.ts";
import { repairAgainMs } from "./drift.ts";
import { observe } from "./observe.ts";
import { planAgainMs } from "./plan.ts";
import { askForWarnings } from "./pod-warnings.ts";
import { pruneConfigMapsAgainMs } from "./prune-config-maps.ts";
import { pruneWorkers } from "./prune-workers.ts";
import { setReadiness } from "./readiness-metric.ts";
import { refusedAgainMs } from "./refusal.ts";
import { staleReports } from "./stale-reports.ts";
import { recordAll, recordTransitions } from "./transitions.ts";
import { knownStatus, writeStatus } from "./write-status.ts";

/** Entries of workers of which nothing certain was known are looked at again after this. Milliseconds. */
const PRUNE_AGAIN_MS = 5_000;
/** Everything is looked at again now and then, whatever the watches say. */
const RESYNC_MS = 10 * 60_000;

/** Tells what is: in the status, as a metric, as Events. Says when to come back even if nothing changes. */
export async function updateStatus(context: Context, blocked: Blocked): Promise<RunResult> {
  const pruned = await pruneWorkers(context);
  const warnedAgainMs = await askForWarnings(context);
  const { stale, againAfterMs: staleAgainMs } = await staleReports(context);
  const known = knownStatus(context);
  const before = known?.conditions ?? [];
  const now = new Date(context.clock.wall()).toISOString().replace(/\.\d+Z$/, "Z");
  const observed = observe(context, blocked, stale);
  const scaled = autoscale(context, observed, known?.autoscaling);
  const status = {
    ...computeStatus(observed, before, now),
    ...(scaled.status ? { autoscaling: scaled.status } : {}),
  };
  setReadiness(context, status, stale.length);
  const writeAgainMs = await writeStatus(context, status);
  await recordTransitions(context, before, status.conditions);
  await recordAll(context, scaled.events);
  return {
    againAfterMs: Math.min(
      refusedAgainMs(context, blocked.refused) ?? RESYNC_MS,
      pruned.again ? PRUNE_AGAIN_MS : RESYNC_MS,
      warnedAgainMs ?? RESYNC_MS,
      staleAgainMs ?? RESYNC_MS,
      pruneConfigMapsAgainMs(context) ?? RESYNC_MS,
      planAgainMs(context) ?? RESYNC_MS,
      scaled.againAfterMs ?? RESYNC_MS,
      repairAgainMs(context) ?? RESYNC_MS,
      writeAgainMs ?? RESYNC_MS,
    ),
  };
}
