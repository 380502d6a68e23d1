import http from "node:http";
import https from "node:https";
import type { ApiAccess } from "./access.ts";
import { ApiError, type ApiStatus, ApiUnreachableError } from "./errors.ts";

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
  /** Sends one request and reads the whole JSON answer. Throws ApiError or ApiUnreachableError. */
  request<T>(request: ApiRequest): Promise<T>;
  /** Opens an answer without end, such as a watch. Ends only with the signal or the server. */
  open(request: ApiRequest): Promise<http.IncomingMessage>;
  close(): void;
}

export interface ClientOptions {
  readonly userAgent: string;
  /** Up to the last byte of an answer, milliseconds; watches are exempt. */
  readonly requestTimeoutMs: number;
}

const KEEP_ALIVE_MS = 30_000;

/** A client of the API server that `access` names: its authentication, pooled connections, a deadline for every request. */
export function createKubeClient(access: ApiAccess, options: ClientOptions): KubeClient {
  const cluster = access.getCurrentCluster();
  if (!cluster)
    throw new Error("the Kubernetes configuration names no cluster: set KUBECONFIG, or run inside a cluster");
  const secure = cluster.server.startsWith("https:");
  const agent = secure
    ? new https.Agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS })
    : new http.Agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS });

  const send = async (request: ApiRequest, signal: AbortSignal | undefined): Promise<http.IncomingMessage> => {
    const text = request.body === undefined ? undefined : JSON.stringify(request.body);
    const settings = await authenticated(access, options.userAgent, request, text);
    // The access's own agent knows the way through a proxy; ours keeps connections.
    if (!cluster.proxyUrl) settings.agent = agent;
    if (signal) settings.signal = signal;
    return await new Promise((resolve, reject) => {
      const sent = (secure ? https : http).request(url(cluster.server, request), settings, resolve);
      sent.setSocketKeepAlive(true, KEEP_ALIVE_MS);
      sent.on("error", reject);
      sent.end(text);
    });
  };

  const open = async (request: ApiRequest, signal: AbortSignal | undefined) => {
    const response = await send(request, signal);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw new ApiError(describe(request), status, parseStatus(await readText(response)));
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
      const deadline = AbortSignal.timeout(options.requestTimeoutMs);
      const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
      try {
        return JSON.parse(await readText(await open(request, signal))) as T;
      } catch (error) {
        request.signal?.throwIfAborted();
        throw classed(request, deadline.aborted ? new Error(`no answer within ${options.requestTimeoutMs} ms`) : error);
      }
    },
    close: () => agent.destroy(),
  };
}

async function authenticated(access: ApiAccess, userAgent: string, request: ApiRequest, text: string | undefined) {
  const settings: https.RequestOptions = { method: request.method ?? "GET", headers: {} };
  await access.applyToHTTPSOptions(settings);
  delete settings.agent;
  settings.headers = {
    ...(settings.headers as http.OutgoingHttpHeaders),
    accept: request.accept ?? "application/json",
    "user-agent": userAgent,
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

function classed(request: ApiRequest, error: unknown): unknown {
  return error instanceof ApiError ? error : new ApiUnreachableError(describe(request), error);
}

const describe = (request: ApiRequest): string => `${request.method ?? "GET"} ${request.path}`;

async function readText(response: http.IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk as string;
  return text;
}

function parseStatus(text: string): ApiStatus {
  try {
    return JSON.parse(text) as ApiStatus;
  } catch {
    return { message: text.slice(0, 500) };
  }
}
