import type { Clock } from "../runtime/clock.ts";
import type { KubeClient } from "../runtime/kube/client.ts";
import { createStatusApply } from "../runtime/kube/status-apply.ts";
import type { Logger } from "../runtime/log.ts";
import { program } from "../runtime/version.ts";
import type { ScopeState } from "./cluster/scope.ts";
import { createWatches } from "./cluster/watches.ts";
import type { WorkerDefaults } from "./desired/worker-defaults.ts";
import { createEventRecorder } from "./kube/events.ts";
import { createWorkQueue, type RunResult } from "./kube/queue.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { FleetPause, Memory } from "./reconcile/context.ts";
import { createReconcile, type Reconcile } from "./reconcile/reconcile.ts";
import { createFleet } from "./rollout/fleet.ts";
import type { RolloutPolicy } from "./rollout/policy.ts";

export interface ControllerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: OperatorMetrics;
  readonly worker: WorkerDefaults;
  readonly rollout: RolloutPolicy;
  readonly watchNamespaces: readonly string[];
  readonly operatorClass: string;
  readonly pause: FleetPause;
  readonly concurrency: number;
  /** The pod's name, reported in Events and in the status. */
  readonly identity: string;
}

export interface Controller {
  /** Reconciles until the signal aborts; resolves when all work has ended. Can be run again afterwards. */
  run(signal: AbortSignal): Promise<void>;
  /** What its watches are at, by namespace; none while it does not run. */
  scopes(): ScopeState[];
}

/** Delays of a sink whose reconcile fails, milliseconds. */
const RETRY = { initial: 200, max: 60_000 };

/**
 * The walk of a sink: cluster/ mirrors everything about it, a change puts its key into the queue, and reconcile/ handles the
 * key, from what is desired/ to the status/.
 */
export function createController(options: ControllerOptions): Controller {
  let scopes: () => ScopeState[] = () => [];
  options.metrics.observeScopes(() => scopes());
  // What was applied holds for the next term too, for it is compared with what is there.
  const memories = new Map<string, Memory>();
  const statuses = createStatusApply(options.clock);
  const operator = { class: options.operatorClass, version: program.version, pod: options.identity };

  const run = async (signal: AbortSignal) => {
    const watches = createWatches({
      ...options,
      namespaces: options.watchNamespaces,
      onChange: (key) => {
        fleet.expect(key);
        queue.add(key);
      },
      onWatchRestart: (resource) => options.metrics.watchRestarts.inc({ resource }),
    });
    const fleet = createFleet({
      policy: options.rollout,
      call: (key) => queue.add(key),
      // A namespace that cannot be seen holds nobody up.
      complete: () => watches.scopes().every(({ synced, failures }) => synced || failures.length > 0),
    });
    const events = createEventRecorder({ ...options, reportingInstance: options.identity });
    const dependencies = { ...options, operator, events, statuses, fleet, cluster: watches.cluster };
    const reconcile = createReconcile(dependencies, memories);
    const queue = createWorkQueue({
      ...options,
      retry: RETRY,
      handle: (key, stop) => timed(options, reconcile, key, stop),
      onFailure: (key, error, delayMs) => {
        options.logger.warn("reconcile failed; it is tried again", { key, delayMs: Math.round(delayMs), error });
      },
    });
    options.metrics.observeQueue(() => queue.depth());
    options.metrics.observeRollout(() => fleet.report());
    scopes = () => watches.scopes();
    await Promise.all([watches.run(signal), queue.run(signal)]);
    scopes = () => [];
    options.metrics.observeRollout(() => undefined);
    // The next leader tells it.
    options.metrics.sinkReady.reset();
    options.metrics.sinkWorkers.reset();
  };

  return { run, scopes: () => scopes() };
}

async function timed(
  options: ControllerOptions,
  reconcile: Reconcile,
  key: string,
  signal: AbortSignal,
): Promise<RunResult> {
  const began = options.clock.now();
  const seconds = () => (options.clock.now() - began) / 1000;
  try {
    const result = await reconcile(key, signal);
    options.metrics.reconciles.observe({ result: "success" }, seconds());
    return result;
  } catch (error) {
    options.metrics.reconciles.observe({ result: "error" }, seconds());
    throw error;
  }
}
