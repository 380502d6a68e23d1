import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import https from "node:https";
import { readText } from "../http-answer.ts";
import { http } from "../node-http.ts";
import type { ApiAccess } from "./access.ts";
import { ApiError, ApiUnreachableError, parseRetryAfter, parseStatus } from "./errors.ts";

export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the server's address, for example `/api/v1/pods`. */
  readonly path: string;
  /** Query parameters; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

export interface KubeClient {
  /**
   * Sends one request and reads the whole JSON answer. Throws ApiError, or ApiUnreachableError also where the signal is a
   * timeout; any other abort is thrown as its own reason.
   */
  request<T>(request: ApiRequest): Promise<T>;
  /** Opens an answer without end, such as a watch. Ends only with the signal or the server. */
  open(request: ApiRequest): Promise<IncomingMessage>;
  close(): void;
}

export interface ClientOptions {
  readonly userAgent?: string;
  /** Up to the last byte of an answer, milliseconds; watches are exempt. */
  readonly requestTimeoutMs: number;
  /** Whether a connection is kept for the next request. Default true. */
  readonly keepAlive?: boolean;
  /** What is read of an answer at most; watches are exempt. No bound by default, for lists are as long as they are. */
  readonly maxAnswerBytes?: number;
}

const KEEP_ALIVE_MS = 30_000;

/** A client of the API server that `access` names: its authentication, a deadline for every request, errors in two classes. */
export function createKubeClient(access: ApiAccess, options: ClientOptions): KubeClient {
  const cluster = access.getCurrentCluster();
  if (!cluster)
    throw new Error("the Kubernetes configuration names no cluster: set KUBECONFIG, or run inside a cluster");
  const { requestTimeoutMs, keepAlive = true, maxAnswerBytes = Number.POSITIVE_INFINITY } = options;
  const transport = cluster.server.startsWith("https:") ? https : http;
  const agent = new transport.Agent({ keepAlive, keepAliveMsecs: KEEP_ALIVE_MS });

  const send = async (request: ApiRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> => {
    const text = request.body === undefined ? undefined : JSON.stringify(request.body);
    const settings = await authenticated(access, options.userAgent, request, text);
    // The access's own agent knows the way through a proxy; ours keeps connections.
    if (!cluster.proxyUrl) settings.agent = agent;
    if (signal) settings.signal = signal;
    return await new Promise((resolve, reject) => {
      const sent = transport.request(url(cluster.server, request), settings, resolve);
      sent.setSocketKeepAlive(true, KEEP_ALIVE_MS);
      sent.on("error", reject);
      sent.end(text);
    });
  };

  const open = async (request: ApiRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> => {
    const answer = await send(request, signal);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const body = parseStatus(await readText(answer, maxAnswerBytes));
    throw new ApiError(describe(request), status, body, parseRetryAfter(answer.headers["retry-after"]));
  };

  return {
    open: async (request) => {
      try {
        return await open(request, request.signal);
      } catch (error) {
        throw classed(request, error);
      }
    },
    request: async <T>(request: ApiRequest): Promise<T> => {
      const deadline = AbortSignal.timeout(requestTimeoutMs);
      const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
      try {
        return JSON.parse(await readText(await open(request, signal), maxAnswerBytes)) as T;
      } catch (error) {
        const late = deadline.aborted ? new Error(`no answer within ${requestTimeoutMs} ms`) : error;
        throw request.signal?.aborted ? aborted(request, request.signal.reason) : classed(request, late);
      }
    },
    close: () => agent.destroy(),
  };
}

async function authenticated(
  access: ApiAccess,
  userAgent: string | undefined,
  request: ApiRequest,
  text: string | undefined,
): Promise<https.RequestOptions> {
  const settings: https.RequestOptions = { method: request.method ?? "GET", headers: {} };
  await access.applyToHTTPSOptions(settings);
  delete settings.agent;
  settings.headers = {
    ...(settings.headers as OutgoingHttpHeaders),
    accept: request.accept ?? "application/json",
    ...(userAgent === undefined ? {} : { "user-agent": userAgent }),
    ...(text === undefined
      ? {}
      : { "content-type": request.contentType ?? "application/json", "content-length": Buffer.byteLength(text) }),
  };
  return settings;
}

function url(server: string, request: ApiRequest): URL {
  const target = new URL(server.replace(/\/$/, "") + request.path);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) target.searchParams.set(name, String(value));
  }
  return target;
}

/** The caller's own deadline passed, or the caller does not want the answer any more. */
function aborted(request: ApiRequest, reason: unknown): unknown {
  const isTimeout = reason instanceof DOMException && reason.name === "TimeoutError";
  return isTimeout ? new ApiUnreachableError(describe(request), new Error("no answer in time")) : reason;
}

function classed(request: ApiRequest, error: unknown): unknown {
  return error instanceof ApiError ? error : new ApiUnreachableError(describe(request), error);
}

const describe = (request: ApiRequest): string => `${request.method ?? "GET"} ${request.path}`;
