import { readConfig } from "../../../operator/config.ts";
import { createOperator } from "../../../operator/operator.ts";
import { PROGRAM } from "../../../operator/program.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { createLogger } from "../../../runtime/log.ts";
import type { TestCluster } from "./cluster.ts";

export interface RunningOperator {
  stop(): Promise<void>;
}

/** Environment of an operator that serves the test's namespace alone. */
export function operatorEnvironment(cluster: TestCluster): Record<string, string> {
  return {
    POD_NAME: "operator-0",
    POD_NAMESPACE: cluster.namespace,
    WATCH_NAMESPACES: cluster.namespace,
    WORKER_IMAGE: "localhost/pause:1",
    HTTP_PORT: "0",
    LEADER_ELECTION: "false",
    LOG_LEVEL: process.env["OPERATOR_TEST_LOG"] ?? "error",
  };
}

/** Runs the whole operator in this process; `more` are variables of its environment. */
export function runOperator(cluster: TestCluster, more: Record<string, string> = {}): RunningOperator {
  const config = readConfig({ ...operatorEnvironment(cluster), ...more });
  const logger = createLogger({ program: PROGRAM, level: config.logLevel });
  const operator = createOperator({ config, access: cluster.operatorConfig, clock: systemClock, logger });
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  return {
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}
