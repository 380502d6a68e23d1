import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ScopeState } from "./cluster/scope.ts";
import type { FleetReport } from "./rollout/fleet.ts";
import { TURNS } from "./rollout/turns.ts";

export interface OperatorMetrics {
  readonly registry: Registry;
  /** Seconds per reconcile, by `result`: success or error. */
  readonly reconciles: Histogram<"result">;
  /** Kubernetes requests that the operator writes with, by `kind` and `operation`. */
  readonly writes: Counter<"kind" | "operation">;
  readonly watchRestarts: Counter<"resource">;
  /** What became of subscriptions that were to be deleted with their sinks, by `outcome`. */
  readonly cleanups: Counter<"outcome">;
  /** The Ready condition of each sink that is to run. `namespace` would be taken for that of the operator's pod. */
  readonly sinkReady: Gauge<"sink_namespace" | "sink">;
  /** Workers of a sink that is to run and that are not as they should be, by `state`: missing or silent. */
  readonly sinkWorkers: Gauge<"sink_namespace" | "sink" | "state">;
  /** Names where the queue's depth is read when metrics are asked for. */
  observeQueue(depth: () => number): void;
  observeLeader(leading: () => boolean): void;
  observeScopes(scopes: () => readonly ScopeState[]): void;
  /** Undefined while it does not lead. */
  observeRollout(report: () => FleetReport | undefined): void;
}

export function createMetrics(): OperatorMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    reconciles: new Histogram({
      name: "kinesis_sink_operator_reconcile_duration_seconds",
      help: "Time per reconcile of one KinesisSink.",
      labelNames: ["result"],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
      registers,
    }),
    writes: new Counter({
      name: "kinesis_sink_operator_writes_total",
      help: "Objects that the operator wrote to the Kubernetes API.",
      labelNames: ["kind", "operation"],
      registers,
    }),
    watchRestarts: new Counter({
      name: "kinesis_sink_operator_watch_restarts_total",
      help: "Watches that ended in an error and were started again.",
      labelNames: ["resource"],
      registers,
    }),
    cleanups: new Counter({
      name: "kinesis_sink_operator_subscription_cleanups_total",
      help: "Subscriptions of deleted sinks by outcome: deleted, failed (and tried again), kept, namespace_terminating (and kept).",
      labelNames: ["outcome"],
      registers,
    }),
    sinkReady: new Gauge({
      name: "kinesis_sink_operator_sink_ready",
      help: "1 while the sink is Ready, 0 while it is not; absent for one that is paused or scaled to zero.",
      labelNames: ["sink_namespace", "sink"],
      registers,
    }),
    sinkWorkers: new Gauge({
      name: "kinesis_sink_operator_sink_workers",
      help: "Workers of the sink that are missing, as they are not ready, or silent, as they do not report; absent while none is.",
      labelNames: ["sink_namespace", "sink", "state"],
      registers,
    }),
    ...readings(registers),
  };
}

/** What is read when metrics are asked for. */
function readings(
  registers: Registry[],
): Pick<OperatorMetrics, "observeQueue" | "observeLeader" | "observeScopes" | "observeRollout"> {
  let depth = () => 0;
  let leading = () => false;
  let scopes: () => readonly ScopeState[] = () => [];
  new Gauge({
    name: "kinesis_sink_operator_queue_depth",
    help: "KinesisSinks that wait for a reconcile.",
    registers,
    collect() {
      this.set(depth());
    },
  });
  new Gauge({
    name: "kinesis_sink_operator_leader",
    help: "1 while this process is the leader.",
    registers,
    collect() {
      this.set(leading() ? 1 : 0);
    },
  });
  new Gauge({
    name: "kinesis_sink_operator_watch_failing",
    help: "1 while a collection cannot be listed or watched; watch_namespace is empty where all are watched together.",
    labelNames: ["resource", "watch_namespace"],
    registers,
    collect() {
      this.reset();
      for (const { namespace = "", failures } of scopes()) {
        for (const { resource } of failures) this.set({ resource, watch_namespace: namespace }, 1);
      }
    },
  });
  return {
    ...rolloutReadings(registers),
    observeQueue: (read) => {
      depth = read;
    },
    observeLeader: (read) => {
      leading = read;
    },
    observeScopes: (read) => {
      scopes = read;
    },
  };
}

/** How far a change is that came with the operator. */
function rolloutReadings(registers: Registry[]): Pick<OperatorMetrics, "observeRollout"> {
  let report: () => FleetReport | undefined = () => undefined;
  new Gauge({
    name: "kinesis_sink_operator_rollout_sinks",
    help: "KinesisSinks whose workers change with the operator, by state: pending, rolling, failed.",
    labelNames: ["state"],
    registers,
    collect() {
      this.reset();
      const found = report();
      if (!found) return;
      const sum = (counts: FleetReport["rolling"]) => TURNS.reduce((all, turn) => all + counts[turn], 0);
      this.set({ state: "pending" }, sum(found.pending) + found.blocked);
      this.set({ state: "rolling" }, sum(found.rolling));
      this.set({ state: "failed" }, found.failed);
    },
  });
  new Gauge({
    name: "kinesis_sink_operator_rollout_halted",
    help: "1 while no further sink rolls, by reason: paused by the chart's values, stopped by sinks that are not Ready.",
    labelNames: ["reason"],
    registers,
    collect() {
      this.reset();
      const found = report();
      if (!found) return;
      for (const reason of ["paused", "stopped"]) this.set({ reason }, found.halt === reason ? 1 : 0);
    },
  });
  return {
    observeRollout: (read) => {
      report = read;
    },
  };
}
