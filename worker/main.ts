import { readFile } from "node:fs/promises";
import { handoverLeasePath } from "../crds/handover-lease.ts";
import { KINESIS_SINKS } from "../crds/resource.ts";
import { sourceHash } from "../crds/subscription.ts";
import { ignoredProperties } from "../crds/validation/ignored-properties.ts";
import { systemClock } from "../runtime/clock.ts";
import { errorText } from "../runtime/error-text.ts";
import { printable } from "../runtime/foreign-text.ts";
import { createLogger } from "../runtime/log.ts";
import { proxyVariables } from "../runtime/proxy.ts";
import { onTermination } from "../runtime/shutdown.ts";
import { parseArguments, type RunMode, USAGE, UsageError } from "./arguments.ts";
import { readCopy, readManifest } from "./config.ts";
import { live } from "./life.ts";
import { runLocally } from "./local.ts";
import { memoryLimit } from "./memory.ts";
import { createParts } from "./parts.ts";
import { createFormerWorkers } from "./peers/former-workers.ts";
import { createPeers } from "./peers/peers.ts";
import { mountedPrivateKeys } from "./private-keys.ts";
import { createReportClient, createStatusPublisher, inlineCredentials } from "./report/resource-status.ts";
import { createSubscribedBefore } from "./report/subscribed-before.ts";
import { createTerminalReport } from "./report/terminal.ts";
import { mountedKeys } from "./secrets.ts";
import { unsubscribe } from "./unsubscribe.ts";
import { createWorker } from "./worker.ts";

/** Until what fails and might pass is given up, and told. */
const UNSUBSCRIBING_MS = 120_000;

async function main(): Promise<number> {
  const mode = parseArguments(process.argv.slice(2));
  const termination = onTermination();
  if (mode.kind === "unsubscribe") return await runUnsubscribe(mode, termination);
  return mode.kind === "pod" ? await runInPod(mode, termination) : await runAtTerminal(mode, termination);
}

/** What goes wrong is thrown, and so the last that is printed: the operator quotes it. */
async function runUnsubscribe(mode: RunMode & { kind: "unsubscribe" }, termination: AbortSignal): Promise<number> {
  const { manifest } = readCopy(await readFile(mode.config, "utf8"));
  const log = createLogger({ program: "worker", level: manifest.spec.logLevel }).with({ sink: manifest.metadata.name });
  await unsubscribe({
    manifest,
    readKey: mountedKeys(mode.keys),
    proxy: proxyVariables(process.env),
    clock: systemClock,
    log,
    signal: AbortSignal.any([termination, AbortSignal.timeout(UNSUBSCRIBING_MS)]),
  });
  return 0;
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
  const subscribed = createSubscribedBefore(sourceHash(manifest), systemClock, log);
  const former = createFormerWorkers(manifest.spec.config.requestTimeout);
  const worker = createWorker({
    manifest,
    parts: createParts({
      manifest,
      readKey: mountedKeys(mode.keys),
      privateKeys: mountedPrivateKeys(mode.keys),
      readInlineParam: () => inlineCredentials(api, target, AbortSignal.timeout(10_000)),
      subscribedBefore: subscribed.known,
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
  return await live({
    worker,
    manifest,
    http: { port: mode.httpPort },
    publish: createStatusPublisher(api, target, {
      clock: systemClock,
      log,
      onLogLevel: root.setLevel,
      onStatus: (status) => {
        subscribed.seen(status);
        former.seen(status.workers ?? []);
      },
      onLagTarget: (given) => worker.watchBacklogAge(given),
    }),
    onNotice: () => {},
    termination,
    log,
  });
}

async function runAtTerminal(mode: RunMode & { kind: "local" }, termination: AbortSignal): Promise<number> {
  const manifest = await readManifest(await readFile(mode.manifest, "utf8"));
  const report = createTerminalReport(process.stdout, process.stderr, ignoredProperties(manifest), systemClock);
  return await runLocally({
    manifest,
    secrets: mode.secrets,
    httpPort: mode.httpPort,
    environment: process.env,
    log: report.log,
    onReport: (entry, facts) => report.show(entry, facts),
    termination,
  });
}

/** Each line by itself says what it is about. */
function prefixed(prefix: string, text: string): string {
  return text.replace(/^/gm, `${prefix}: `);
}

try {
  process.exitCode = await main();
  // Sockets that a silent peer keeps open must not keep a drained worker alive.
  process.exit();
} catch (error) {
  process.stderr.write(
    error instanceof UsageError
      ? `${error.message}\n\n${USAGE}`
      : `${prefixed(KINESIS_SINKS.kind, printable(errorText(error)))}\n`,
  );
  process.exit(error instanceof UsageError ? 2 : 1);
}
