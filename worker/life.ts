import type { KinesisSink, WorkerStatus } from "../crds/kinesissink.generated.ts";
import { systemClock } from "../runtime/clock.ts";
import { printable } from "../runtime/foreign-text.ts";
import { serveHttp } from "../runtime/http-server.ts";
import type { Logger } from "../runtime/log.ts";
import { entryFacts, workerEntry } from "./report/entry.ts";
import { workerHealth } from "./report/health.ts";
import { workerMetrics } from "./report/metrics.ts";
import { createReporter, type Publish } from "./report/reporter.ts";
import type { Worker } from "./worker.ts";

const NOTICE_EVERY_MS = 1000;
/** Left of the grace period for the last report and for closing. */
const CLOSING_MS = 5000;

export interface LifeOptions {
  readonly worker: Worker;
  readonly manifest: KinesisSink;
  readonly http: { readonly port: number; readonly host?: string } | null;
  readonly publish: Publish<WorkerStatus> | null;
  /** Called every second. */
  readonly onNotice: (entry: WorkerStatus) => void;
  readonly termination: AbortSignal;
  readonly log: Logger;
}

/** From start to the end of the drain. Resolves to the exit code: 0 when everything pending was delivered. */
export async function live(options: LifeOptions): Promise<number> {
  const { worker, manifest, http, publish, termination, log } = options;
  const entry = () => workerEntry(worker.facts());
  const metrics = workerMetrics(() => worker.facts());
  const server = http && (await serveHttp({ ...http, routes: routes(worker, metrics) }));
  const reporter =
    publish && createReporter({ report: entry, facts: () => entryFacts(entry()), publish, clock: systemClock, log });
  worker.start();
  reporter?.start();
  const notice = setInterval(() => {
    reporter?.notice();
    options.onNotice(entry());
  }, NOTICE_EVERY_MS);

  await new Promise<void>((resolve) => {
    if (termination.aborted) resolve();
    termination.addEventListener("abort", () => resolve(), { once: true });
  });
  const graceMs = manifest.spec.pod.terminationGracePeriodSeconds * 1000;
  log.info("draining", { signal: String(termination.reason), graceMs });
  reporter?.notice();
  await worker.drain(AbortSignal.timeout(Math.max(1000, graceMs - CLOSING_MS)));
  clearInterval(notice);
  const pending = worker.facts().pipeline?.pending ?? 0;
  options.onNotice(entry());
  await Promise.all([reporter?.close(AbortSignal.timeout(CLOSING_MS)), worker.close()]);
  await server?.close();
  log.info("stopped", { pending });
  return pending === 0 ? 0 : 1;
}

function routes(worker: Worker, metrics: ReturnType<typeof workerMetrics>) {
  return {
    "/livez": () => ({ status: 200, body: "ok\n" }),
    "/readyz": () => {
      const { ready, state, cause } = workerHealth(worker.facts());
      return {
        status: ready ? 200 : 503,
        body: printable(cause === null ? `${state}\n` : `${cause.reason}: ${cause.message}\n`),
      };
    },
    "/metrics": async () => ({ status: 200, body: await metrics.metrics(), type: metrics.contentType }),
  };
}
