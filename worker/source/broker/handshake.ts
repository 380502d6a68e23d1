import type { ForeignText } from "../../../runtime/foreign-text.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Authentication } from "../options.ts";
import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import { commandFrame } from "../protocol/frames.ts";
import { asSourceError } from "./failures.ts";
import { type BrokerAddress, hostAndPort } from "./service-url.ts";

const CLIENT_VERSION = "pulsar-kinesis-operator";

interface Credentials {
  readonly authentication: Authentication | null;
  readonly foreign: ForeignText;
  readonly signal: AbortSignal;
}

/** The first frame of a connection. `proxyTo` is the broker behind a proxy. @throws SourceError without credentials */
export async function connectFrame(
  options: Credentials & { readonly proxyTo?: BrokerAddress | undefined },
): Promise<Buffer> {
  const authentication = await authenticationData(options);
  return commandFrame(Command.CONNECT, c.connect, {
    clientVersion: CLIENT_VERSION,
    protocolVersion: c.PROTOCOL_VERSION,
    authMethodName: authentication?.method,
    authData: authentication?.data,
    proxyToBrokerUrl: options.proxyTo === undefined ? undefined : hostAndPort(options.proxyTo),
    featureFlags: { supportsAuthRefresh: true, supportsBrokerEntryMetadata: true },
  });
}

/** The answer to a challenge. @throws SourceError without credentials */
export async function authResponseFrame(options: Credentials): Promise<Buffer> {
  const response = await authenticationData(options);
  const value = { clientVersion: CLIENT_VERSION, response, protocolVersion: c.PROTOCOL_VERSION };
  return commandFrame(Command.AUTH_RESPONSE, c.authResponse, value);
}

async function authenticationData({ authentication, foreign, signal }: Credentials) {
  if (authentication === null) return undefined;
  try {
    const data = await authentication.credentials(signal);
    foreign.sent(data);
    return { method: authentication.method, data };
  } catch (error) {
    throw asSourceError(error, "the credentials cannot be read");
  }
}

/**
 * Larger messages than this are not taken, whatever the broker allows: the memory for a frame is there before its bytes.
 * Twice what an entry may inflate to.
 */
const MOST_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Bytes of the largest message that is taken from a broker that allows `maxMessageSize`. */
export function takenMessageSize(maxMessageSize: number, broker: string, log: Logger): number {
  if (maxMessageSize > MOST_MESSAGE_BYTES) {
    const limits = { broker, maxMessageSize, taken: MOST_MESSAGE_BYTES };
    log.warn("the broker allows larger messages than are taken: one would end the connection", limits);
  }
  return Math.min(maxMessageSize, MOST_MESSAGE_BYTES);
}
