import type { Clock } from "../runtime/clock.ts";
import { type HttpServer, serveHttp } from "../runtime/http-server.ts";
import type { ApiAccess } from "../runtime/kube/access.ts";
import { createKubeClient } from "../runtime/kube/client.ts";
import type { Logger } from "../runtime/log.ts";
import type { OperatorConfig } from "./config.ts";
import { type Controller, createController } from "./controller.ts";
import { leaderReadiness } from "./health.ts";
import { createLeaderElection, type LeaderElection } from "./kube/leader.ts";
import { createLeaseClient } from "./kube/lease.ts";
import { createMetrics, type OperatorMetrics } from "./metrics.ts";
import { PROGRAM } from "./program.ts";

export interface OperatorOptions {
  readonly config: OperatorConfig;
  readonly access: ApiAccess;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Operator {
  /** Serves health and metrics, campaigns, reconciles while leading. Resolves when the signal aborted and all has ended. */
  run(signal: AbortSignal): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;

export function createOperator({ config, access, clock, logger }: OperatorOptions): Operator {
  const client = createKubeClient(access, {
    userAgent: PROGRAM,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
  const metrics = createMetrics();
  const controller = createController({ ...config, client, clock, logger, metrics, identity: config.podName });
  const election = createLeaderElection({
    ...config.leaderElection,
    clock,
    logger,
    leases: createLeaseClient(client, config.podNamespace, config.leaderElection.leaseName),
    identity: config.podName,
  });
  metrics.observeLeader(() => !config.leaderElection.enabled || election.isLeader());

  return {
    run: async (signal) => {
      const server = await health(config, controller, election, metrics);
      logger.info("started", { port: server.port, namespaces: config.watchNamespaces, image: config.worker.image });
      try {
        if (config.leaderElection.enabled) await election.run((term) => controller.run(term), signal);
        else await controller.run(signal);
      } finally {
        await server.close();
        client.close();
        logger.info("stopped");
      }
    },
  };
}

/** A standby is ready: it can take over. */
function health(
  config: OperatorConfig,
  controller: Controller,
  election: LeaderElection,
  metrics: OperatorMetrics,
): Promise<HttpServer> {
  const standby = () => config.leaderElection.enabled && !election.isLeader();
  return serveHttp({
    port: config.httpPort,
    routes: {
      "/livez": () => ({ status: 200, body: "ok\n" }),
      "/readyz": () => {
        const { ready, body } = standby() ? { ready: true, body: "ok\n" } : leaderReadiness(controller.scopes());
        return { status: ready ? 200 : 503, body };
      },
      "/metrics": async () => ({
        status: 200,
        body: await metrics.registry.metrics(),
        type: metrics.registry.contentType,
      }),
    },
  });
}
