import type { OperatorReason } from "../../crds/reasons.ts";
import { isConflict } from "../../runtime/kube/errors.ts";
import { collectionPath } from "../../runtime/kube/resource-type.ts";
import { cleanupJob, type JobObject, SINK_UID_ANNOTATION } from "../cleanup/job.ts";
import { failureOf, type JobPod, jobOutcome } from "../cleanup/outcome.ts";
import { deleteObject, readObject } from "../kube/apply.ts";
import { JOBS, PODS } from "../kube/objects.ts";
import type { RunResult } from "../kube/queue.ts";
import type { Cause } from "../status/observed.ts";
import { failedCause, refusedCause } from "./api-causes.ts";
import type { Context } from "./context.ts";
import { removeFinalizer } from "./hold-finalizer.ts";
import { observe } from "./observe.ts";
import { scaleDeployment } from "./scale-deployment.ts";
import { nameConflict } from "./undo-merge.ts";
import { updateStatus } from "./update-status.ts";
import { reviewSpec } from "./validate-spec.ts";

/** A Job is looked at so often: it is there for seconds, and not worth a watch of all. Milliseconds. */
const LOOK_MS = 2_000;
/** A Job that failed is tried again, ever more rarely. */
const FIRST_RETRY_MS = 10_000;
const LONGEST_RETRY_MS = 5 * 60_000;
/** Whoever does not want to wait any more. */
const WAY_OUT = "set spec.cleanupSubscription to false to let the sink go without";

/** What became of the subscriptions of deleted sinks. */
type Outcome = "deleted" | "kept" | "namespace_terminating" | "failed";

/** What is to be told, and after how long to look again; no cause once the finalizer is gone. */
interface Progress {
  readonly cause?: Cause | undefined;
  readonly againAfterMs?: number;
  /** For the queue, which tries again. */
  readonly error?: unknown;
}

/**
 * Deletes the subscription of a sink that is being deleted: first its workers stop, then a Job deletes it, then the finalizer goes
 * and the sink with it. What keeps it from that is told as for a sink that lives.
 */
export async function cleanUp(context: Context): Promise<RunResult> {
  const { cause, againAfterMs, error } = await progress(context);
  if (!cause) return {};
  const result = await updateStatus(context, { refused: cause });
  if (error !== undefined) throw error;
  return againAfterMs === undefined ? result : { againAfterMs };
}

async function progress(context: Context): Promise<Progress> {
  try {
    return await step(context);
  } catch (error) {
    const cause = failedCause(error);
    if (!cause) throw error;
    return { cause, error };
  }
}

async function step(context: Context): Promise<Progress> {
  const { sink, worker } = context;
  if (!sink.spec.cleanupSubscription) return await release(context, "kept");
  const stopping = await scaleDeployment(context);
  if (stopping) return { cause: stopping };
  const { refused } = reviewSpec(sink);
  if (refused) return { cause: failed(`the spec cannot be acted on: ${refused.message}`) };
  const job = cleanupJob(sink, worker);
  const live = await readObject<JobObject>(context.client, targetOf(job), context.signal);
  if (live) return await follow(context, live);
  const left = workersLeft(context);
  // A dry run tells whether the namespace takes anything any more, without waiting for the workers.
  const refusal = await create(context, job, left > 0);
  if (refusal?.reason === ("NamespaceTerminating" satisfies OperatorReason)) {
    return await release(context, "namespace_terminating");
  }
  if (left > 0) return waiting(`${left} workers are stopping before the subscription is deleted`);
  return refusal ? { cause: failed(refusal.message) } : followed(context, job);
}

/** Workers that may still be consuming; 1 where the Deployment's controller has not acted yet. */
function workersLeft(context: Context): number {
  const { deployment, pods } = observe(context, {});
  const left = pods.filter(({ ended }) => !ended).length;
  const settled = !deployment || (deployment.replicas === 0 && deployment.observedGeneration >= deployment.generation);
  return settled ? left : Math.max(1, left);
}

async function create(context: Context, job: JobObject, dryRun: boolean): Promise<Cause | undefined> {
  const { client, logger, metrics, signal } = context;
  const { name, namespace } = job.metadata;
  try {
    await client.request({
      method: "POST",
      path: collectionPath(JOBS, namespace),
      ...(dryRun ? { query: { dryRun: "All" } } : {}),
      body: { apiVersion: "batch/v1", kind: JOBS.kind, ...job },
      signal,
    });
    if (dryRun) return undefined;
    metrics.writes.inc({ kind: JOBS.kind, operation: "create" });
    logger.info("created a Job that deletes the sink's subscription", { name });
    return undefined;
  } catch (error) {
    // There already: the next look finds it.
    if (isConflict(error)) return undefined;
    const cause = refusedCause(JOBS.kind, error);
    if (!cause) throw error;
    return cause;
  }
}

async function follow(context: Context, job: JobObject): Promise<Progress> {
  const { clock, logger, memory, metrics, sink } = context;
  const { annotations = {}, name, uid = "" } = job.metadata;
  if (annotations[SINK_UID_ANNOTATION] !== sink.metadata.uid) {
    return { cause: nameConflict(JOBS.kind, name, "is not this sink's") };
  }
  const outcome = jobOutcome(job);
  if (outcome === "done") return await release(context, "deleted");
  if (outcome === "running") return followed(context, job);
  if (memory.cleanup.failedJob !== uid) {
    const times = memory.cleanup.failures;
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** times);
    const why = failureOf(job, await podsOf(context, job));
    memory.cleanup = { failedJob: uid, failures: times + 1, why, retryAt: clock.now() + delayMs };
    metrics.cleanups.inc({ outcome: "failed" satisfies Outcome });
    logger.warn("the sink's subscription could not be deleted; it is tried again", { job: name, why, delayMs });
  }
  const cause = failed(memory.cleanup.why ?? "");
  const waitMs = memory.cleanup.retryAt - clock.now();
  if (waitMs > 0) return { cause, againAfterMs: waitMs };
  await deleteObject(context.client, targetOf(job), uid, context.signal);
  metrics.writes.inc({ kind: JOBS.kind, operation: "delete" });
  return { cause, againAfterMs: LOOK_MS };
}

/** While it runs. What an earlier one failed for is told on: it will fail for the same, as a rule. */
function followed({ memory }: Context, { metadata }: JobObject): Progress {
  const { why } = memory.cleanup;
  if (why === undefined) return waiting(`Job ${metadata.name} deletes the subscription`);
  return { cause: failed(why), againAfterMs: LOOK_MS };
}

/** The pods of this very Job. */
async function podsOf({ client, signal }: Context, { metadata }: JobObject): Promise<JobPod[]> {
  const query = { labelSelector: `batch.kubernetes.io/controller-uid=${metadata.uid}` };
  const { items } = await client.request<{ items?: JobPod[] }>({
    path: collectionPath(PODS, metadata.namespace),
    query,
    signal,
  });
  return items ?? [];
}

async function release(context: Context, outcome: Outcome): Promise<Progress> {
  const { logger, metrics } = context;
  if (!(await removeFinalizer(context))) return waiting("the finalizer is being removed");
  metrics.cleanups.inc({ outcome });
  if (outcome === "namespace_terminating") {
    logger.warn("the namespace is being deleted and takes no Job: the sink's subscription stays in Pulsar");
  } else logger.info("the sink may go", { subscription: outcome });
  return {};
}

function waiting(message: string): Progress {
  const cause = { reason: "CleaningUp" satisfies OperatorReason, message, stalls: false };
  return { cause, againAfterMs: LOOK_MS };
}

function failed(why: string): Cause {
  const message = `the subscription cannot be deleted: ${why}; it is tried again; ${WAY_OUT}`;
  return { reason: "CleanupFailed" satisfies OperatorReason, message, stalls: true };
}

function targetOf({ metadata: { name, namespace = "" } }: JobObject) {
  return { type: JOBS, namespace, name };
}
