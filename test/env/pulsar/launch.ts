import { type Daemon, startDaemon, untilReady } from "../process.ts";

const START_TIMEOUT_MS = 180_000;

export interface Launch {
  readonly command: readonly string[];
  readonly host: string;
  /** The port of the admin API. */
  readonly web: number;
  /** The administrator's token, where the broker asks for one. */
  readonly token: string | undefined;
  /** The working directory. */
  readonly directory: string;
  readonly logFile: string;
  readonly signal: AbortSignal | undefined;
}

/** Starts the broker's process and resolves when clients can use it. A process that does not get there is ended. */
export async function launchBroker(launch: Launch): Promise<Daemon> {
  const { command, directory, logFile, signal } = launch;
  const daemon = await startDaemon({ name: "Pulsar", command, cwd: directory, logFile });
  try {
    await untilReady(daemon, () => usable(launch), { timeoutMs: START_TIMEOUT_MS, signal });
    return daemon;
  } catch (error) {
    await daemon.stop(0);
    throw error;
  }
}

/** The broker creates the namespace public/default last: it is there when clients can use the broker. */
async function usable({ host, web, token }: Launch): Promise<boolean> {
  try {
    const response = await fetch(`http://${host}:${web}/admin/v2/namespaces/public`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(2000),
    });
    return response.ok && (await response.text()).includes("public/default");
  } catch {
    return false;
  }
}
