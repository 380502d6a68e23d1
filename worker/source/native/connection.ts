import type { Logger } from "../../../runtime/log.ts";
import type { WireSourceOptions } from "../options.ts";
import type { NativeClient, NativeClientConfig, NativeModule } from "./client.ts";
import { createPrivateFiles } from "./private-files.ts";

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

type ConnectOptions = Pick<WireSourceOptions, "serviceUrl" | "listenerName" | "authentication" | "tls" | "log">;

/** `onLost` hears of each topic whose consumer lost its broker, as far as the library writes of it. */
export function createNativeConnection(
  module: NativeModule,
  options: ConnectOptions,
  onLost: (topic: string) => void,
): NativeConnection {
  return new LibraryConnection(module, options, onLost);
}

class LibraryConnection implements NativeConnection {
  readonly #module: NativeModule;
  readonly #options: ConnectOptions;
  readonly #onLost: (topic: string) => void;
  readonly #signal = new AbortController().signal;
  readonly #clients: { readonly client: NativeClient; readonly password: string }[] = [];
  /** The library reads them for each connection, so that a rotated certificate is followed. */
  readonly #files = createPrivateFiles();
  #busy: Promise<unknown> = Promise.resolve();

  constructor(module: NativeModule, options: ConnectOptions, onLost: (topic: string) => void) {
    this.#module = module;
    this.#options = options;
    this.#onLost = onLost;
  }

  client(): Promise<NativeClient> {
    const opened = this.#busy.then(() => this.#open());
    this.#busy = opened.catch(() => undefined);
    return opened;
  }

  async close(): Promise<void> {
    await this.#busy;
    await Promise.all(this.#clients.map(({ client }) => client.close().catch(() => undefined)));
    await this.#files.remove();
  }

  async #open(): Promise<NativeClient> {
    const { authentication, tls, log } = this.#options;
    // Asked for here too, because the library tells only that a token is not to be had.
    const credentials = await this.#credentials();
    const pair = await tls?.clientCertificate?.();
    const paths = {
      authority: await this.#files.write("ca.pem", await tls?.ca?.()),
      certificate: await this.#files.write("client.pem", pair?.cert),
      key: await this.#files.write("client.key", pair?.key),
    };
    const password = authentication?.method === "basic" ? credentials : "";
    const known = this.#clients.at(-1);
    // The library keeps a password for the life of a client; the consumers of an old one stay until they end.
    if (known?.password === password) return known.client;
    const client = new this.#module.Client({
      ...clientConfig(this.#options, paths, this.#authentication(password, paths)),
      log: logTo(log, this.#onLost),
    });
    this.#clients.push({ client, password });
    return client;
  }

  async #credentials(): Promise<string> {
    const { authentication } = this.#options;
    return Buffer.from((await authentication?.credentials(this.#signal)) ?? []).toString("utf8");
  }

  #authentication(password: string, { certificate, key }: Paths): object | undefined {
    const { AuthenticationBasic, AuthenticationTls, AuthenticationToken } = this.#module;
    const method = this.#options.authentication?.method;
    if (method === "token") return new AuthenticationToken({ token: () => this.#credentials() });
    if (method === "basic") {
      const end = password.indexOf(":");
      return new AuthenticationBasic({ username: password.slice(0, end), password: password.slice(end + 1) });
    }
    if (certificate === undefined || key === undefined) return undefined;
    return new AuthenticationTls({ certificatePath: certificate, privateKeyPath: key });
  }
}

/** Of files; undefined where there is none. */
interface Paths {
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

function clientConfig(
  { serviceUrl, listenerName, tls }: ConnectOptions,
  { authority, certificate, key }: Paths,
  authentication: object | undefined,
): NativeClientConfig {
  return {
    serviceUrl,
    operationTimeoutSeconds: OPERATION_TIMEOUT_S,
    ...(listenerName === undefined ? {} : { listenerName }),
    tlsAllowInsecureConnection: tls?.allowInsecure ?? false,
    tlsValidateHostname: tls?.verifyHostname ?? true,
    ...(authority === undefined ? {} : { tlsTrustCertsFilePath: authority }),
    ...(certificate === undefined ? {} : { tlsCertificateFilePath: certificate }),
    ...(key === undefined ? {} : { tlsPrivateKeyFilePath: key }),
    ...(authentication === undefined ? {} : { authentication }),
  };
}

function logTo(log: Logger, onLost: (topic: string) => void) {
  return (level: number, _file: string, _line: number, message: string): void => {
    log[level >= ERROR ? "warn" : "debug"]("pulsar-client", { message });
    const topic = LOST.exec(message)?.[1];
    if (topic !== undefined) onLost(topic);
  };
}
