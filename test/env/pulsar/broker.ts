import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Certificate } from "../certificates.ts";
import { requirePrograms } from "../prerequisites.ts";
import type { Daemon } from "../process.ts";
import { step } from "../progress.ts";
import { stateDirectory } from "../state-directory.ts";
import { classArchive } from "./class-archive.ts";
import type { Ports } from "./configuration.ts";
import { pulsarHome } from "./distribution.ts";
import { launchBroker } from "./launch.ts";
import { type PulsarOptions, prepareBroker } from "./prepare.ts";
import { PULSAR } from "./releases.ts";

const STOP_GRACE_MS = 15_000;
const START_ATTEMPTS = 3;

/** A running Pulsar broker with its bookie, in one process. */
export interface Pulsar {
  /** `pulsar://host:port` */
  readonly serviceUrl: string;
  /** `http://host:port` */
  readonly adminUrl: string;
  /** `pulsar+ssl://host:port`, with {@link PulsarOptions.tls}. */
  readonly serviceUrlTls: string | undefined;
  /** `https://host:port`, with {@link PulsarOptions.tls}. */
  readonly adminUrlTls: string | undefined;
  /** The file with the authority's certificate that clients trust (PEM), with {@link PulsarOptions.tls}. */
  readonly authority: string | undefined;
  readonly ports: Ports;
  readonly logFile: string;
  /** The broker's process id; undefined while stopped. */
  readonly pid: number | undefined;
  /** A token (RS256) for a role, with {@link PulsarOptions.auth}. Throws without. */
  token(role: string, expiresInSeconds?: number): string;
  /** A client certificate for a role, with {@link PulsarOptions.tls}. Throws without. */
  clientCertificate(role: string): Promise<Certificate>;
  /** Sends a signal: SIGSTOP and SIGCONT for a broker that hangs, SIGKILL for one that dies. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends the broker in order (SIGTERM); its data and ports stay. */
  stop(): Promise<void>;
  /** Starts the stopped broker again, on the same data and ports. */
  start(): Promise<void>;
  /** Ends the broker and removes its data. */
  close(): Promise<void>;
}

/**
 * Starts Pulsar standalone and resolves when clients can use it: 5 to 10 s, and two minutes more when the release has to
 * be fetched. Needs Java 17 or newer, Maven for the first run, and OpenSSL for `tls` and `auth.users`; neither root nor
 * Kubernetes. Close it at the end of the test; if the test process dies first, the broker dies with it.
 *
 * ```ts
 * const pulsar = await startPulsar({ log: console.error });
 * // ... connect to pulsar.serviceUrl, administer at pulsar.adminUrl
 * await pulsar.close();
 * ```
 */
export async function startPulsar(options: PulsarOptions): Promise<Pulsar> {
  requirePrograms(["java", "openssl"]);
  const { log, signal, release = PULSAR } = options;
  const home = await pulsarHome(log, signal, release);
  const archive = await classArchive(home, release, log, signal);
  for (let attempt = 1; ; attempt++) {
    const directory = await stateDirectory("pulsar");
    try {
      return await startIn(directory, home, archive, options);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      // a port was free when it was picked and taken when the broker came to bind it
      if (attempt === START_ATTEMPTS || !/already in use|BindException/i.test(String(error))) throw error;
    }
  }
}

async function startIn(directory: string, home: string, archive: string, options: PulsarOptions): Promise<Pulsar> {
  const { host = "127.0.0.1", log } = options;
  const { command, ports, certificates, tokens } = await prepareBroker(directory, home, options, {
    archive,
    write: false,
  });
  const logFile = join(directory, "broker.log");
  const token = tokens?.token("admin");
  let daemon: Daemon | undefined;
  const start = async (signal?: AbortSignal): Promise<void> => {
    daemon = await launchBroker({ command, host, web: ports.web, token, directory, logFile, signal });
  };
  await step(log, `start Pulsar at pulsar://${host}:${ports.broker}`, () => start(options.signal));
  return {
    serviceUrl: `pulsar://${host}:${ports.broker}`,
    adminUrl: `http://${host}:${ports.web}`,
    serviceUrlTls: certificates && `pulsar+ssl://${host}:${ports.brokerTls}`,
    adminUrlTls: certificates && `https://${host}:${ports.webTls}`,
    authority: certificates?.authority,
    ports,
    logFile,
    get pid() {
      return daemon?.running() ? daemon.pid : undefined;
    },
    token(role, expiresInSeconds) {
      if (tokens === undefined) throw new Error("start Pulsar with { auth: {} } to have tokens");
      return tokens.token(role, expiresInSeconds);
    },
    async clientCertificate(role) {
      if (certificates === undefined) throw new Error("start Pulsar with { tls: {} } to have certificates");
      return certificates.issueClient(role);
    },
    async kill(signal) {
      daemon?.signal(signal);
      if (signal === "SIGKILL") await daemon?.ended();
    },
    stop: async () => daemon?.stop(STOP_GRACE_MS),
    async start() {
      if (!daemon?.running()) await step(log, "start Pulsar again", () => start());
    },
    async close() {
      await daemon?.stop(STOP_GRACE_MS);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
