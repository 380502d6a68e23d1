import { SourceError } from "../source.ts";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

const PORT = 6650;
const TLS_PORT = 6651;

/**
 * The addresses of a service URL: `pulsar://host[:port][,host[:port]…]`, or `pulsar+ssl://`.
 * @throws SourceError
 */
export function parseServiceUrl(url: string): readonly BrokerAddress[] {
  const match = /^(pulsar(?:\+ssl)?):\/\/([^/]+)\/?$/.exec(url.trim());
  if (match === null) throw invalid(url);
  const tls = match[1] === "pulsar+ssl";
  return (match[2] ?? "").split(",").map((text) => {
    const parts = /^(\[[0-9a-fA-F:.]+\]|[^:@[\]\s]+)(?::(\d{1,5}))?$/.exec(text.trim());
    const port = parts?.[2] === undefined ? (tls ? TLS_PORT : PORT) : Number(parts[2]);
    if (parts === null || port < 1 || port > 65535) throw invalid(url);
    return { host: (parts[1] ?? "").replace(/^\[|\]$/g, ""), port, tls };
  });
}

/** As in a URL without its scheme: what CONNECT's `proxy_to_broker_url` holds. */
export function hostAndPort({ host, port }: BrokerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export function addressText(address: BrokerAddress): string {
  return `${address.tls ? "pulsar+ssl" : "pulsar"}://${hostAndPort(address)}`;
}

function invalid(url: string): SourceError {
  return new SourceError(
    "BrokerUnreachable",
    `"${url}" is no Pulsar service URL: write pulsar://host:6650 or pulsar+ssl://host:6651, several hosts with commas`,
  );
}
