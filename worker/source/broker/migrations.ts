import type { ForeignText } from "../../../runtime/foreign-text.ts";
import { SourceError } from "../source.ts";
import type { Redirection } from "./failures.ts";
import { type BrokerAddress, parseServiceUrl } from "./service-url.ts";

/** Each has a registry of schemas and connections of its own. */
const MOST_CLUSTERS = 4;

/** Another cluster than the one of the service URL. */
export interface Cluster {
  readonly url: string;
  readonly hosts: readonly BrokerAddress[];
}

/** Topics that were migrated to other clusters: they are looked up there from then on. */
export interface Migrations {
  /** Where a topic or topic-partition is; null: in the cluster of the service URL. */
  of(topic: string): Cluster | null;
  /** Follows a topic to where a broker says that it was migrated. @throws SourceError TopicMigrated when that is not to be done */
  follow(topic: string, redirection: Redirection): Cluster;
}

export interface MigrationOptions {
  /** Order is not kept from one cluster to another: what was written last there is not known to be read first here. */
  readonly keepsOrder: boolean;
  /** Whether the service URL is one with TLS. */
  readonly tls: boolean;
  /** Whether credentials would be sent to a host that nobody vouches for. */
  readonly exposesCredentials: boolean;
  readonly foreign: ForeignText;
}

export function createMigrations(options: MigrationOptions): Migrations {
  const clusters = new Map<string, Cluster>();
  const topics = new Map<string, Cluster>();
  return {
    of: (topic) => topics.get(topic) ?? null,
    follow(topic, redirection) {
      const url = (options.tls ? redirection.serviceUrlTls : redirection.serviceUrl) ?? "";
      const why = refusal(url, options, clusters);
      if (why !== null) {
        const there = options.foreign.clean(url === "" ? "another cluster" : url);
        const text = `${topic} was migrated to ${there}, and is not followed, for ${why}`;
        throw new SourceError("TopicMigrated", `${text}: set spec.pulsar.serviceUrl to that cluster`);
      }
      const cluster = clusters.get(url) ?? { url, hosts: parseServiceUrl(url) };
      clusters.set(url, cluster);
      topics.set(topic, cluster);
      return cluster;
    },
  };
}

/** Why a topic is not followed to the cluster at `url`; null when it is. */
function refusal(
  url: string,
  { keepsOrder, tls, exposesCredentials, foreign }: MigrationOptions,
  known: ReadonlyMap<string, Cluster>,
): string | null {
  if (keepsOrder) return "order is not kept from one cluster to another";
  if (url === "") return `the broker names no ${tls ? "TLS" : "plain"} address of it`;
  if (!isAddress(url, tls, foreign)) return "that is no address of the scheme of spec.pulsar.serviceUrl";
  if (exposesCredentials) return "credentials are sent only to a host whose certificate is verified";
  if (!known.has(url) && known.size === MOST_CLUSTERS) return `topics were migrated to ${MOST_CLUSTERS} others before`;
  return null;
}

function isAddress(url: string, tls: boolean, foreign: ForeignText): boolean {
  try {
    // It will be named in errors: one with credentials or control characters in it is no address.
    return foreign.clean(url) === url && parseServiceUrl(url).every((address) => address.tls === tls);
  } catch {
    return false;
  }
}
