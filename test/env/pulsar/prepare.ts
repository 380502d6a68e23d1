import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../ports.ts";
import type { Log } from "../process.ts";
import { type BrokerLayout, brokerConfiguration, loggingText, type Ports, propertiesText } from "./configuration.ts";
import {
  type BrokerCertificates,
  createCertificates,
  createTokenKeys,
  type TokenKeys,
  writePasswords,
} from "./credentials.ts";
import { type JavaOptions, standaloneCommand } from "./java.ts";
import type { PulsarRelease } from "./releases.ts";

export interface PulsarOptions {
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** The usual one by default. */
  readonly release?: PulsarRelease;
  /** The address that clients reach the broker at; 127.0.0.1 by default. */
  readonly host?: string;
  /** A command prefix that enters the network namespace to run in; empty by default. */
  readonly enter?: readonly string[];
  /**
   * Authentication and authorization on: tokens, client certificates (the role is the common name; needs `tls`), and
   * basic authentication of `users` (name to password). The role `admin` may do everything, others nothing until granted.
   */
  readonly auth?: { readonly users?: Readonly<Record<string, string>> };
  /**
   * TLS listeners beside the plain ones. `names` replaces the names in the server's certificate;
   * `clientCertificateRequired` turns away clients without a certificate of the same authority.
   */
  readonly tls?: { readonly names?: readonly string[]; readonly clientCertificateRequired?: boolean };
  /** More broker settings, as in standalone.conf: `{ maxUnackedMessagesPerConsumer: "100" }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** Heap and direct memory, in MiB each: 512 by default. */
  readonly memory?: number;
  /** Compile the broker's code fully, for load tests: starts slower, runs faster. */
  readonly optimize?: boolean;
  /** Level of the broker's log: "warn" by default. */
  readonly logLevel?: string;
}

export interface PreparedBroker {
  /** The broker's whole command line. */
  readonly command: readonly string[];
  readonly ports: Ports;
  readonly tokens: TokenKeys | undefined;
  readonly certificates: BrokerCertificates | undefined;
}

/** Picks the ports and writes all that the broker reads into `directory`. */
export async function prepareBroker(
  directory: string,
  home: string,
  options: PulsarOptions,
  classes?: JavaOptions["classes"],
): Promise<PreparedBroker> {
  const { enter = [], host = "127.0.0.1" } = options;
  const [broker = 0, web = 0, bookie = 0, brokerTls = 0, webTls = 0] = await freePorts(5, enter);
  const ports: Ports = { broker, web, bookie, brokerTls, webTls };
  const tokens = options.auth && (await createTokenKeys(directory));
  const names = options.tls?.names ?? [...new Set(["DNS:localhost", "IP:127.0.0.1", `IP:${host}`])];
  const certificates = options.tls && (await createCertificates(directory, names));
  const settings = brokerConfiguration({
    host,
    ports,
    auth: tokens && (await writeAuth(directory, tokens, options.auth?.users ?? {})),
    tls: certificates && {
      ...certificates,
      clientCertificateRequired: options.tls?.clientCertificateRequired ?? false,
    },
    overrides: options.config ?? {},
  });
  const configFile = join(directory, "standalone.conf");
  const loggingFile = join(directory, "log4j2.properties");
  await mkdir(join(directory, "data"));
  await writeFile(configFile, (await readFile(join(home, "conf/standalone.conf"), "utf8")) + propertiesText(settings));
  await writeFile(loggingFile, loggingText(options.logLevel ?? "warn"));
  const temporary = join(directory, "tmp");
  await mkdir(temporary);
  const java = { memory: options.memory ?? 512, optimize: options.optimize ?? false, loggingFile, temporary, classes };
  const command = [
    ...enter,
    ...standaloneCommand(home, java),
    ...["--config", configFile, "--advertised-address", host, "--no-functions-worker", "--no-stream-storage"],
    ...["--metadata-dir", join(directory, "data/metadata"), "--bookkeeper-dir", join(directory, "data/bookkeeper")],
    ...["--bookkeeper-port", String(bookie)],
  ];
  return { command, ports, tokens, certificates };
}

async function writeAuth(
  directory: string,
  tokens: TokenKeys,
  users: Readonly<Record<string, string>>,
): Promise<BrokerLayout["auth"]> {
  const adminToken = join(directory, "admin.token");
  await writeFile(adminToken, tokens.token("admin"), { mode: 0o600 });
  return { publicKey: tokens.publicKey, adminToken, passwords: await writePasswords(directory, users) };
}
