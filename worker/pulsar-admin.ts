import { type RequestOptions, request as requestHttps } from "node:https";
import { http } from "../runtime/node-http.ts";
import type { PulsarAccess } from "./pulsar-access.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * GET requests to Pulsar's admin REST API, authenticated and encrypted as the binary protocol is.
 * @param adminUrl `spec.pulsar.adminUrl`
 * @returns a function from path to the parsed answer; it rejects with an Error that names the URL and the status
 */
export function createAdminGet(adminUrl: string, access: PulsarAccess) {
  return async (path: string, signal: AbortSignal): Promise<unknown> => {
    const url = new URL(path, adminUrl);
    const options: RequestOptions = { signal, headers: await headers(access, signal) };
    const secure = url.protocol === "https:";
    if (secure) Object.assign(options, await tlsOptions(access));
    const text = await new Promise<string>((resolve, reject) => {
      const sent = (secure ? requestHttps : http.request)(url, options, (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER_BYTES) answer.destroy(new Error(`${url.origin} sent too large an answer`));
          else chunks.push(chunk);
        });
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode === 200) resolve(Buffer.concat(chunks).toString());
          else reject(new Error(`${url.origin}${url.pathname} answered ${answer.statusCode}`));
        });
      });
      sent.on("error", (error) =>
        reject(new Error(`${url.origin} cannot be reached: ${error.message}`, { cause: error })),
      );
      sent.end();
    });
    return JSON.parse(text);
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
