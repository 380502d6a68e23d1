import type { KinesisSink, WorkerStatus } from "../crds/kinesissink.generated.ts";
import { systemClock } from "../runtime/clock.ts";
import { createLogger } from "../runtime/log.ts";
import { proxyVariables } from "../runtime/proxy.ts";
import { live } from "./life.ts";
import { memoryLimit } from "./memory.ts";
import { createParts } from "./parts.ts";
import { filePrivateKeys } from "./private-keys.ts";
import type { WorkerFacts } from "./report/facts.ts";
import { fileKeys } from "./secrets.ts";
import { createWorker } from "./worker.ts";

export interface LocalRun {
  readonly manifest: KinesisSink;
  /** Files that stand for keys of Secrets and ConfigMaps: `NAME/KEY` → file. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Of the loopback interface; null: nothing is served. */
  readonly httpPort: number | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the log goes. */
  readonly log: NodeJS.WritableStream;
  /** Called every second. */
  readonly onReport: (entry: WorkerStatus, facts: WorkerFacts) => void;
  readonly termination: AbortSignal;
}

/** One worker of a sink outside of Kubernetes. Resolves to the exit code: 0 when everything pending was delivered. */
export async function runLocally(run: LocalRun): Promise<number> {
  const { manifest, secrets, httpPort } = run;
  const log = createLogger({
    program: "worker",
    level: manifest.spec.logLevel === "info" ? "warn" : manifest.spec.logLevel,
    stream: run.log,
  });
  const worker = createWorker({
    manifest,
    parts: createParts({
      manifest,
      readKey: fileKeys(secrets),
      privateKeys: filePrivateKeys(secrets),
      readInlineParam: async () => manifest.spec.config.awsCredentialPluginParam ?? "",
      consumerName: `${manifest.metadata.name}-${process.pid}`,
      memoryLimitBytes: memoryLimit(process.constrainedMemory()),
      proxy: proxyVariables(run.environment),
      clock: systemClock,
      log,
    }),
    pod: "local",
    configHash: null,
    clock: systemClock,
    log,
  });
  return await live({
    worker,
    manifest,
    http: httpPort === null ? null : { port: httpPort, host: "127.0.0.1" },
    publish: null,
    onNotice: (entry) => run.onReport(entry, worker.facts()),
    termination: run.termination,
    log,
  });
}
