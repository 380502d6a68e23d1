import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../../runtime/log.ts";
import type { WireSourceOptions } from "../options.ts";
import type { NativeClient, NativeModule } from "./client.ts";

const OPERATION_TIMEOUT_S = 15;
/** Of LogLevel. The library warns of every attempt and of every encrypted message. */
const ERROR = 3;
/** Lines of the library that say that a consumer lost its broker: `[topic, subscription, 0] Schedule reconnection …`. */
const LOST = /^\[([^,\]]+), .*\] (?:Schedule reconnection|Broker notification of Closed consumer)/;

/**
 * The library's client, and a folder for what it takes as files. The library writes for all clients of a process to the log
 * of the newest, as long as the first one is kept.
 */
export interface NativeConnection {
  /** A client for the next subscription, with certificates and passwords as they are now. @throws SourceError */
  client(): Promise<NativeClient>;
  close(): Promise<void>;
}

/** `onLost` hears of each topic whose consumer lost its broker, as far as the library writes of it. */
export function createNativeConnection(
  module: NativeModule,
  options: Pick<WireSourceOptions, "serviceUrl" | "authentication" | "tls" | "log">,
  onLost: (topic: string) => void,
): NativeConnection {
  const { authentication, tls } = options;
  const signal = new AbortController().signal;
  const clients: { readonly client: NativeClient; readonly password: string }[] = [];
  const written = new Map<string, string>();
  let folder: Promise<string> | null = null;
  let busy: Promise<unknown> = Promise.resolve();

  const credentials = async (): Promise<string> =>
    Buffer.from((await authentication?.credentials(signal)) ?? []).toString("utf8");

  /** For this user alone. The library reads it for each connection, so that a rotated certificate is followed. */
  const file = async (name: string, content: Uint8Array | undefined): Promise<string | undefined> => {
    if (content === undefined) return undefined;
    folder ??= mkdtemp(join(tmpdir(), "pulsar-client-"));
    const path = join(await folder, name);
    const text = Buffer.from(content).toString("latin1");
    if (written.get(name) === text) return path;
    await writeFile(`${path}.new`, content, { mode: 0o600 });
    await rename(`${path}.new`, path);
    written.set(name, text);
    return path;
  };

  const proof = (password: string, certificatePath?: string, privateKeyPath?: string): object | undefined => {
    if (authentication?.method === "token") return new module.AuthenticationToken({ token: credentials });
    if (authentication?.method === "basic") {
      const end = password.indexOf(":");
      return new module.AuthenticationBasic({ username: password.slice(0, end), password: password.slice(end + 1) });
    }
    if (certificatePath === undefined || privateKeyPath === undefined) return undefined;
    return new module.AuthenticationTls({ certificatePath, privateKeyPath });
  };

  const open = async (): Promise<NativeClient> => {
    // Asked for here too, because the library tells only that a token is not to be had.
    const now = await credentials();
    const pair = await tls?.clientCertificate?.();
    const authority = await file("ca.pem", await tls?.ca?.());
    const certificate = await file("client.pem", pair?.cert);
    const key = await file("client.key", pair?.key);
    const password = authentication?.method === "basic" ? now : "";
    const known = clients.at(-1);
    // The library keeps a password for the life of a client; the consumers of an old one stay until they end.
    if (known?.password === password) return known.client;
    const proven = proof(password, certificate, key);
    const client = new module.Client({
      serviceUrl: options.serviceUrl,
      operationTimeoutSeconds: OPERATION_TIMEOUT_S,
      tlsAllowInsecureConnection: tls?.allowInsecure ?? false,
      tlsValidateHostname: tls?.verifyHostname ?? true,
      ...(authority === undefined ? {} : { tlsTrustCertsFilePath: authority }),
      ...(certificate === undefined ? {} : { tlsCertificateFilePath: certificate }),
      ...(key === undefined ? {} : { tlsPrivateKeyFilePath: key }),
      ...(proven === undefined ? {} : { authentication: proven }),
      log: logTo(options.log, onLost),
    });
    clients.push({ client, password });
    return client;
  };

  return {
    client() {
      const opened = busy.then(open);
      busy = opened.catch(() => undefined);
      return opened;
    },
    async close() {
      await busy;
      await Promise.all(clients.map(({ client }) => client.close().catch(() => undefined)));
      if (folder !== null) await rm(await folder, { recursive: true, force: true });
    },
  };
}

function logTo(log: Logger, onLost: (topic: string) => void) {
  return (level: number, _file: string, _line: number, message: string): void => {
    log[level >= ERROR ? "warn" : "debug"]("pulsar-client", { message });
    const topic = LOST.exec(message)?.[1];
    if (topic !== undefined) onLost(topic);
  };
}
