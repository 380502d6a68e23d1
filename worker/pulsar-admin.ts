import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type RequestOptions, request as requestHttps } from "node:https";
import { errorText } from "../runtime/error-text.ts";
import { readText } from "../runtime/http-answer.ts";
import { http } from "../runtime/node-http.ts";
import type { PulsarAccess } from "./pulsar-access.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Pulsar's admin REST API. Every method rejects with an Error that names the URL and the status. */
export interface PulsarAdmin {
  /** The parsed answer of a GET. */
  get(path: string, signal: AbortSignal): Promise<unknown>;
  /** One header of the answer to a GET, by its name in small letters; null when it is absent. */
  header(path: string, name: string, signal: AbortSignal): Promise<string | null>;
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * The admin REST API, authenticated and encrypted as the binary protocol is.
 * @param adminUrl `spec.pulsar.adminUrl`
 */
export function createPulsarAdmin(adminUrl: string, access: PulsarAccess): PulsarAdmin {
  const ask = async (path: string, signal: AbortSignal): Promise<Answer> => {
    const url = new URL(path, adminUrl);
    const options: RequestOptions = { signal, headers: await headers(access, signal) };
    const secure = url.protocol === "https:";
    if (secure) Object.assign(options, await tlsOptions(access));
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = (secure ? requestHttps : http.request)(url, options, resolve);
      sent.on("error", (error) =>
        reject(new Error(`${url.origin} cannot be reached: ${errorText(error)}`, { cause: error })),
      );
      sent.end();
    });
    const body = await readText(answer, MAX_ANSWER_BYTES).catch((error: Error) => {
      throw new Error(`${url.origin} broke off: ${errorText(error)}`, { cause: error });
    });
    if (answer.statusCode === 200) return { headers: answer.headers, body };
    throw new Error(`${url.origin}${url.pathname} answered ${answer.statusCode}`);
  };
  return {
    get: async (path, signal) => JSON.parse((await ask(path, signal)).body),
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

async function tlsOptions({ tls }: PulsarAccess): Promise<RequestOptions> {
  const certificate = await tls.clientCertificate?.();
  return {
    rejectUnauthorized: tls.allowInsecure !== true,
    ...(tls.ca ? { ca: Buffer.from(await tls.ca()) } : {}),
    ...(certificate ? { cert: Buffer.from(certificate.cert), key: Buffer.from(certificate.key) } : {}),
    ...(tls.verifyHostname === false ? { checkServerIdentity: () => undefined } : {}),
  };
}
