import { readFile } from "node:fs/promises";
import { handoverLeasePath } from "../crds/handover-lease.ts";
import type { KinesisSink, WorkerStatus } from "../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../crds/resource.ts";
import { systemClock } from "../runtime/clock.ts";
import { errorText } from "../runtime/error-text.ts";
import { printable } from "../runtime/foreign-text.ts";
import { serveHttp } from "../runtime/http-server.ts";
import { createLogger, type Logger } from "../runtime/log.ts";
import { proxyVariables } from "../runtime/proxy.ts";
import { onTermination } from "../runtime/shutdown.ts";
import { parseArguments, type RunMode, USAGE, UsageError } from "./arguments.ts";
import { readCopy, readManifest } from "./config.ts";
import { memoryLimit } from "./memory.ts";
import { createParts } from "./parts.ts";
import { createFormerWorkers } from "./peers/former-workers.ts";
import { createPeers } from "./peers/peers.ts";
import { filePrivateKeys, mountedPrivateKeys } from "./private-keys.ts";
import { entryFacts, workerEntry } from "./report/entry.ts";
import { workerHealth } from "./report/health.ts";
import { workerMetrics } from "./report/metrics.ts";
import { createReporter, type Publish } from "./report/reporter.ts";
import { createReportClient, createStatusPublisher, inlineCredentials } from "./report/resource-status.ts";
import { terminalReport } from "./report/terminal.ts";
import { fileKeys, mountedKeys } from "./secrets.ts";
import { createWorker, type Worker } from "./worker.ts";

const NOTICE_EVERY_MS = 1000;
const TERMINAL_EVERY_MS = 5000;
/** Left of the grace period for the last report and for closing. */
const CLOSING_MS = 5000;

async function main(): Promise<number> {
  const mode = parseArguments(process.argv.slice(2));
  const termination = onTermination();
  return mode.kind === "pod" ? await runInPod(mode, termination) : await runLocally(mode, termination);
}

async function runInPod(mode: RunMode & { kind: "pod" }, termination: AbortSignal): Promise<number> {
  const { POD_NAME: pod = "", POD_NAMESPACE: namespace = "", CONFIG_HASH: configHash = "" } = process.env;
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443" } = process.env;
  const { manifest, unknownFields } = readCopy(await readFile(mode.config, "utf8"));
  const root = createLogger({ program: "worker", level: manifest.spec.logLevel });
  const log = root.with({ sink: manifest.metadata.name });
  if (unknownFields.length > 0) {
    const remedy = "run a worker image of the operator's version, or remove them from the KinesisSink";
    log.warn(`fields that this worker's version does not know have no effect: ${remedy}`, { fields: unknownFields });
  }
  const api = createReportClient({ host, port, folder: mode.apiCredentials });
  const target = { namespace, name: manifest.metadata.name, uid: manifest.metadata.uid ?? "", pod };
  const former = createFormerWorkers(manifest.spec.config.requestTimeout);
  const worker = createWorker({
    manifest,
    parts: createParts({
      manifest,
      readKey: mountedKeys(mode.keys),
      privateKeys: mountedPrivateKeys(mode.keys),
      readInlineParam: () => inlineCredentials(api, target, AbortSignal.timeout(10_000)),
      consumerName: pod,
      memoryLimitBytes: memoryLimit(process.constrainedMemory()),
      proxy: proxyVariables(process.env),
      peers: createPeers({
        client: api,
        path: handoverLeasePath(target),
        extraWaitMs: () => former.extraWaitMs,
        clock: systemClock,
        log,
      }),
      clock: systemClock,
      log,
    }),
    pod,
    configHash,
    clock: systemClock,
    log,
  });
  return await run({
    worker,
    manifest,
    http: { port: mode.httpPort, host: undefined },
    publish: createStatusPublisher(api, target, {
      ...{ clock: systemClock, log, onLogLevel: root.setLevel, onWorkers: former.seen },
    }),
    onNotice: () => {},
    termination,
    log,
  });
}

async function runLocally(mode: RunMode & { kind: "local" }, termination: AbortSignal): Promise<number> {
  const manifest = await readManifest(await readFile(mode.manifest, "utf8"));
  const log = createLogger({
    program: "worker",
    level: manifest.spec.logLevel === "info" ? "warn" : manifest.spec.logLevel,
  });
  const worker = createWorker({
    manifest,
    parts: createParts({
      manifest,
      readKey: fileKeys(mode.secrets),
      privateKeys: filePrivateKeys(mode.secrets),
      readInlineParam: async () => manifest.spec.config.awsCredentialPluginParam ?? "",
      consumerName: `${manifest.metadata.name}-${process.pid}`,
      memoryLimitBytes: memoryLimit(process.constrainedMemory()),
      proxy: proxyVariables(process.env),
      clock: systemClock,
      log,
    }),
    pod: "local",
    configHash: null,
    clock: systemClock,
    log,
  });
  let shownAt = Number.NEGATIVE_INFINITY;
  let shown = "";
  return await run({
    worker,
    manifest,
    http: mode.httpPort === null ? null : { port: mode.httpPort, host: "127.0.0.1" },
    publish: null,
    onNotice: (entry) => {
      const now = systemClock.now();
      if (entryFacts(entry) === shown && now - shownAt < TERMINAL_EVERY_MS) return;
      shown = entryFacts(entry);
      shownAt = now;
      process.stdout.write(`${terminalReport(entry, worker.facts())}\n`);
    },
    termination,
    log,
  });
}

/** From start to the end of the drain. Resolves to the exit code: 0 when everything pending was delivered. */
async function run(options: {
  worker: Worker;
  manifest: KinesisSink;
  http: { port: number; host: string | undefined } | null;
  publish: Publish<WorkerStatus> | null;
  /** Called every second. */
  onNotice: (entry: WorkerStatus) => void;
  termination: AbortSignal;
  log: Logger;
}): Promise<number> {
  const { worker, manifest, http, publish, termination, log } = options;
  const entry = () => workerEntry(worker.facts());
  const metrics = workerMetrics(() => worker.facts());
  const server = http && (await serveHttp({ ...host(http.host), port: http.port, routes: routes(worker, metrics) }));
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

function host(name: string | undefined): { host?: string } {
  return name === undefined ? {} : { host: name };
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

try {
  process.exitCode = await main();
  // Sockets that a silent peer keeps open must not keep a drained worker alive.
  process.exit();
} catch (error) {
  process.stderr.write(
    error instanceof UsageError
      ? `${error.message}\n\n${USAGE}`
      : `${KINESIS_SINKS.kind}: ${printable(errorText(error))}\n`,
  );
  process.exit(error instanceof UsageError ? 2 : 1);
}
