import { connect, isIP, type Socket } from "node:net";

/** The environment's variables that name proxies: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in small letters too. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/**
 * Of all variables those that name proxies; an empty one is none.
 * @throws Error when one is no http:// URL; its value is not repeated, for it may hold a password
 */
export function proxyVariables(variables: ProxyVariables): ProxyVariables {
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  const set = names.flatMap((name): [string, string][] => (variables[name] ? [[name, variables[name]]] : []));
  for (const [name, value] of set) if (!/^no_/i.test(name)) proxyUrl(name, value);
  return Object.fromEntries(set);
}

function proxyUrl(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol === "http:") return url;
  throw new Error(`${name} is no http:// URL: write http://proxy.example.com:3128`);
}

/** A proxy that opens a way to a host: CONNECT. */
export interface TunnelProxy {
  readonly host: string;
  readonly port: number;
  /** `Basic …`; null without a user in its URL. */
  readonly authorization: string | null;
}

/** The proxy for TLS connections to a host; null for none. @param variables of {@link proxyVariables} */
export function tunnelProxy(variables: ProxyVariables, host: string, port: number): TunnelProxy | null {
  const text = variables["https_proxy"] ?? variables["HTTPS_PROXY"];
  if (text === undefined || bypasses(variables["no_proxy"] ?? variables["NO_PROXY"] ?? "", host, port)) return null;
  const url = proxyUrl("HTTPS_PROXY", text);
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 80 : Number(url.port),
    authorization: user === ":" ? null : `Basic ${Buffer.from(user).toString("base64")}`,
  };
}

/** As curl and Node.js read NO_PROXY: `*`, hosts, domains with their subdomains, each with or without a port. */
function bypasses(list: string, host: string, port: number): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      const [, text = "", only] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `${entry}:${port}` : entry) ?? [];
      if (only !== undefined && Number(only) !== port) return false;
      const suffix = text.replace(/^\[|\]$/g, "").replace(/^\*?\./, "");
      return text === "*" || name === suffix || (isIP(name) === 0 && name.endsWith(`.${suffix}`));
    });
}

/** What a proxy answers to CONNECT is a status line and few headers. */
const MAX_ANSWER_BYTES = 16 * 1024;

/** A TCP socket that leads to the host once it is handed over; whoever wants it no more destroys it. */
export function openTunnel(
  proxy: TunnelProxy,
  target: { readonly host: string; readonly port: number },
  opened: (error: Error | null) => void,
): Socket {
  const socket = connect({ host: proxy.host, port: proxy.port });
  const place = `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
  let answer = Buffer.alloc(0);
  const end = (error: Error | null): void => {
    socket.off("readable", read);
    socket.off("error", end);
    socket.off("close", onClose);
    opened(error);
  };
  const refuse = (what: string, status = ""): void => {
    const code = `PROXY_${status || "FAILED"}`;
    end(Object.assign(new Error(`the proxy of HTTPS_PROXY ${what}`), { code, syscall: "connect" }));
  };
  const onClose = (): void => refuse("closed the connection");
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      answer = Buffer.concat([answer, chunk]);
    }
    const length = answer.indexOf("\r\n\r\n");
    if (length < 0 && answer.length <= MAX_ANSWER_BYTES) return;
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer.toString("latin1", 0, 20))?.[1];
    if (length < 0 || status === undefined) refuse("answers no HTTP");
    else if (!status.startsWith("2")) refuse(`answered ${status} to CONNECT`, status);
    else {
      // What follows is the host's.
      if (answer.length > length + 4) socket.unshift(answer.subarray(length + 4));
      end(null);
    }
  };
  socket.once("error", end);
  socket.once("close", onClose);
  socket.on("readable", read);
  socket.once("connect", () => {
    const authorization = proxy.authorization === null ? "" : `Proxy-Authorization: ${proxy.authorization}\r\n`;
    socket.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${authorization}\r\n`);
  });
  return socket;
}
