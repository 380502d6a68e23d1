import type { AddressInfo, Socket } from "node:net";
import { errorText } from "./error-text.ts";
import { http } from "./node-http.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Default `text/plain; charset=utf-8`. */
  readonly type?: string;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Connections at once: a kubelet, some scrapers, and room. */
const MAX_CONNECTIONS = 64;
/** A GET without a body is short: whoever takes longer to send one holds a connection for nothing. Milliseconds. */
const REQUEST_MS = 5_000;
const LIMITS = { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 };

/**
 * Answers GET requests for a fixed set of paths: health and metrics. Port 0 takes a free one. Whoever opens connections
 * without end loses the oldest of them, so that the kubelet's probes still come through.
 */
export async function serveHttp(options: {
  port: number;
  /** Default: all addresses, since the kubelet probes the pod's. */
  host?: string;
  routes: Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>;
}): Promise<HttpServer> {
  const server = http.createServer(LIMITS, async (request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const route = Object.hasOwn(options.routes, path) ? options.routes[path] : undefined;
    let answer: HttpAnswer;
    if (route === undefined) answer = { status: 404, body: `no ${path} here\n` };
    else if (request.method !== "GET") answer = { status: 405, body: "GET only\n" };
    else {
      answer = await Promise.resolve()
        .then(route)
        .catch((error: unknown) => ({ status: 500, body: `${errorText(error)}\n` }));
    }
    response.writeHead(answer.status, { "content-type": answer.type ?? "text/plain; charset=utf-8" });
    response.end(answer.body);
  });
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    const [oldest] = open;
    if (open.size > MAX_CONNECTIONS) oldest?.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
