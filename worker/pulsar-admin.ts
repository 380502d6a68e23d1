import { errorText } from "../runtime/error-text.ts";
import { createHttpClient, type HttpAnswer, type HttpRequest, type SendHttp } from "../runtime/http-client.ts";
import type { PulsarAccess } from "./pulsar-access.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Pulsar's admin REST API. Every method rejects with an Error that names the URL and the status. */
export interface PulsarAdmin {
  /** The parsed answer of a GET. */
  get(path: string, signal: AbortSignal): Promise<unknown>;
  /** One header of the answer to a GET, by its name in small letters; null when it is absent. */
  header(path: string, name: string, signal: AbortSignal): Promise<string | null>;
}

/**
 * The admin REST API, authenticated and encrypted as the binary protocol is.
 * @param adminUrl `spec.pulsar.adminUrl`
 */
export function createPulsarAdmin(
  adminUrl: string,
  access: PulsarAccess,
  send: SendHttp = createHttpClient(),
): PulsarAdmin {
  const ask = async (path: string, signal: AbortSignal): Promise<HttpAnswer> => {
    const url = new URL(path, adminUrl);
    const request = {
      headers: await headers(access, signal),
      ...(url.protocol === "https:" ? { tls: await tlsOptions(access) } : {}),
      maxBytes: MAX_ANSWER_BYTES,
      signal,
    };
    const answer = await send(url, request).catch((error: unknown) => {
      throw new Error(`${url.origin} cannot be reached: ${errorText(error)}`, { cause: error });
    });
    if (answer.status === 200) return answer;
    throw new Error(`${url.origin}${url.pathname} answered ${answer.status}`);
  };
  return {
    async get(path, signal) {
      const { body } = await ask(path, signal);
      try {
        return JSON.parse(body) as unknown;
      } catch {
        // The parser's own message would quote what may hold a credential.
        throw new Error(`${new URL(path, adminUrl).origin} did not answer with JSON`);
      }
    },
    header: async (path, name, signal) => {
      const value = (await ask(path, signal)).headers[name];
      return typeof value === "string" ? value : null;
    },
  };
}

async function headers({ authentication }: PulsarAccess, signal: AbortSignal): Promise<Record<string, string>> {
  if (authentication === null || authentication.method === "tls") return {};
  const credentials = Buffer.from(await authentication.credentials(signal));
  return authentication.method === "basic"
    ? { authorization: `Basic ${credentials.toString("base64")}` }
    : { authorization: `Bearer ${credentials.toString("utf8")}` };
}

async function tlsOptions({ tls }: PulsarAccess): Promise<NonNullable<HttpRequest["tls"]>> {
  const certificate = await tls.clientCertificate?.();
  return {
    rejectUnauthorized: tls.allowInsecure !== true,
    ...(tls.ca ? { ca: Buffer.from(await tls.ca()) } : {}),
    ...(certificate ? { cert: Buffer.from(certificate.cert), key: Buffer.from(certificate.key) } : {}),
    ...(tls.verifyHostname === false ? { checkServerIdentity: () => undefined } : {}),
  };
}
