import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent as HttpsAgent, type RequestOptions, request as requestHttps } from "node:https";
import { readText } from "./http-answer.ts";
import { http } from "./node-http.ts";
import type { ProxyVariables } from "./proxy.ts";

export interface HttpRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For https: who is trusted, and the client's certificate. */
  readonly tls?: Pick<RequestOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "checkServerIdentity">;
  /** What is read of the answer at most, bytes. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Sends one request and reads the whole answer, whatever its status. A redirect is an answer like any other: it is not
 * followed, for what is sent is meant for that one host.
 * @throws what the connection fails with, or AnswerTooLargeError
 */
export type SendHttp = (url: URL, request: HttpRequest) => Promise<HttpAnswer>;

/** As Node's own agents have it: idle connections are kept for so long, milliseconds. */
const IDLE_MS = 5_000;

/** A client that keeps connections. A `fetch` would cost 13 MB of memory and take no certificate authority. */
export function createHttpClient(proxy: ProxyVariables = {}): SendHttp {
  const settings = { keepAlive: true, timeout: IDLE_MS, proxyEnv: { ...proxy } };
  const plain = new http.Agent(settings);
  const secure = new HttpsAgent(settings);
  return async (url, { method = "GET", headers = {}, body, tls, maxBytes, signal }) => {
    const encrypted = url.protocol === "https:";
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { method, headers, signal, agent: encrypted ? secure : plain, ...(encrypted ? tls : {}) };
      const sent = (encrypted ? requestHttps : http.request)(url, options, resolve);
      sent.on("error", reject);
      sent.end(body);
    });
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await readText(answer, maxBytes) };
  };
}
