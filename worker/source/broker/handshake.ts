import type { ForeignText } from "../../../runtime/foreign-text.ts";
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
