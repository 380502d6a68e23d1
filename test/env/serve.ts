import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { startEnvironment } from "./environment.ts";
import { sessionFiles, writeSession } from "./session-files.ts";

/** Holds an environment until SIGTERM or SIGINT. It runs in the background, started by `up`. */
export async function serve(state: string | undefined, options: { readonly metrics: boolean }): Promise<number> {
  const files = await sessionFiles(state);
  const stopping = new AbortController();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(name, () => {
      stopping.abort(new Error(`interrupted by ${name}`));
      stop();
    });
  }
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const environment = await startEnvironment({
    log,
    signal: stopping.signal,
    kubernetes: { metrics: options.metrics },
  });
  const { kubernetes, pulsar, kinesis, helmPath } = environment;
  // keeps the process alive: its parts do not
  const alive = setInterval(() => undefined, 1 << 30);
  try {
    await writeSession(files, {
      pid: process.pid,
      variables: {
        KUBECONFIG: kubernetes.kubeconfig,
        PULSAR_SERVICE_URL: pulsar.serviceUrl,
        PULSAR_ADMIN_URL: pulsar.adminUrl,
        KINESIS_ENDPOINT: kinesis.endpoint,
      },
      path: [dirname(kubernetes.kubectlPath), dirname(helmPath)],
      logs: { kubernetes: kubernetes.logs, pulsar: pulsar.logFile, kinesis: kinesis.logFile },
    });
    await stopped;
  } finally {
    clearInterval(alive);
    await rm(files.session, { force: true });
    await environment.close();
  }
  return 0;
}
