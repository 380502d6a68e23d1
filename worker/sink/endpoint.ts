/** Where requests go. `url` undefined: the SDK's own endpoint of the region. */
export interface Endpoint {
  readonly url: string | undefined;
  readonly region: string;
}

/** A signature needs some region; an endpoint that is not AWS's may not care which. */
const DEFAULT_REGION = "us-east-1";

/** An endpoint or region that cannot be used; the message names the property and the remedy. */
export class EndpointError extends Error {
  override readonly name = "EndpointError";
  readonly code = "InvalidEndpoint";
}

/**
 * `host` is a bare host, `host:port`, or an http(s) URL; bare hosts get https. `port` overrides the one in `host`.
 * @throws EndpointError naming `property` or awsRegion
 */
export function resolveEndpoint(options: {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly region: string | undefined;
  /** The name of the property that `host` comes from, such as awsEndpoint. */
  readonly property: string;
}): Endpoint {
  const { port, property } = options;
  const host = options.host?.trim() || undefined;
  const region = options.region?.trim() || (host === undefined ? undefined : regionOf(host));
  if (host === undefined) {
    if (region === undefined) throw new EndpointError("awsRegion is missing: set it, or awsEndpoint");
    return { url: undefined, region };
  }
  const url = parse(host.includes("://") ? host : `https://${bracketed(host)}`, property);
  if (port !== undefined) url.port = String(port);
  return { url: url.href.replace(/\/$/, ""), region: region ?? DEFAULT_REGION };
}

/** The region in AWS's own host names, VPC endpoints' included: a signature for another one is refused. */
function regionOf(host: string): string | undefined {
  return /(?:^|[./])[a-z-]+\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.(?:vpce\.)?amazonaws\.com/.exec(host.toLowerCase())?.[1];
}

function bracketed(host: string): string {
  return (host.match(/:/g)?.length ?? 0) > 1 && !host.startsWith("[") ? `[${host}]` : host;
}

function parse(text: string, property: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new EndpointError(`${property} is neither a host name nor an http(s) URL: correct it`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new EndpointError(`${property} must not hold a user or password: remove them`);
  }
  return url;
}
