import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsConnectionOptions } from "node:tls";
import type { TlsOptions } from "../options.ts";
import { SourceError } from "../source.ts";
import { asSourceError, networkError } from "./failures.ts";
import { addressText, type BrokerAddress } from "./service-url.ts";

const READ_BUFFER = 256 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;

/** Returns false to read no further until `resume()` of the socket. `chunk` is overwritten when it returns. */
export type OnBytes = (length: number, chunk: Buffer) => boolean;

/**
 * A connected socket, TLS handshake included. What it receives lands in one buffer that is used again and again.
 * @throws SourceError
 */
export async function openSocket(
  address: BrokerAddress,
  tls: TlsOptions,
  signal: AbortSignal,
  onBytes: OnBytes,
): Promise<Socket> {
  const text = addressText(address);
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER),
    callback: onBytes as (bytes: number, buffer: Uint8Array) => boolean,
  };
  const target = { host: address.host, port: address.port, onread };
  const tlsOptions = address.tls ? await readTlsOptions(address, tls) : null;
  signal.throwIfAborted();
  const socket = tlsOptions === null ? connectTcp(target) : begin(text, { ...target, ...tlsOptions });
  socket.setNoDelay(true);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  const timer = setTimeout(() => {
    reject(
      new SourceError(
        "BrokerUnreachable",
        `${text} did not answer within ${CONNECT_TIMEOUT_MS / 1000} s: check spec.pulsar.serviceUrl and the network`,
      ),
    );
  }, CONNECT_TIMEOUT_MS);
  signal.addEventListener("abort", abort, { once: true });
  socket.once(address.tls ? "secureConnect" : "connect", resolve);
  socket.once("error", (error) => reject(networkError(text, error)));
  socket.once("close", () => reject(networkError(text, new Error("it closed the connection"))));
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** @throws SourceError when a certificate or key is none */
function begin(address: string, options: object): Socket {
  try {
    return connectTls(options as TlsConnectionOptions);
  } catch (error) {
    throw networkError(address, error);
  }
}

async function readTlsOptions(address: BrokerAddress, tls: TlsOptions): Promise<TlsConnectionOptions> {
  try {
    const [ca, client] = await Promise.all([tls.ca?.(), tls.clientCertificate?.()]);
    return {
      ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
      ...(client === undefined ? {} : { cert: Buffer.from(client.cert), key: Buffer.from(client.key) }),
      ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
      rejectUnauthorized: tls.allowInsecure !== true,
      ...(tls.verifyHostname === false ? { checkServerIdentity: () => undefined } : {}),
    };
  } catch (error) {
    throw asSourceError(error, "the certificates of spec.pulsar cannot be read");
  }
}
