import type { ForeignText } from "../../../runtime/foreign-text.ts";
import * as c from "../protocol/commands.ts";
import { Command, LookupResponse } from "../protocol/commands.ts";
import type { Decoded } from "../protocol/field-table.ts";
import { SourceError } from "../source.ts";
import type { Connection } from "./connection.ts";
import { isSlow, type Redirection } from "./failures.ts";
import type { Migrations } from "./migrations.ts";
import type { Pool, Use } from "./pool.ts";
import { addressText, type BrokerAddress, parseServiceUrl } from "./service-url.ts";

type LookupAnswer = Decoded<typeof c.lookupResponse>;
type NamedBroker = Pick<LookupAnswer, "brokerServiceUrl" | "brokerServiceUrlTls">;

const MOST_REDIRECTS = 20;
/** Each is a consumer, with memory of its own. */
const MOST_PARTITIONS = 10_000;

export interface Lookup {
  /** A connection for this use to the broker that serves the topic now. @throws SourceError */
  broker(topic: string, use: Use): Promise<Connection>;
  /**
   * The same without a lookup: to the broker that `from` names when the topic moves.
   * @throws SourceError where it names none that can be used: look it up
   */
  assigned(topic: string, from: Connection, redirection: Redirection, use: Use): Promise<Connection>;
  /** 0 for a topic without partitions. @throws SourceError */
  partitions(topic: string): Promise<number>;
  /** Full names of the persistent topics of `tenant/namespace`, partitions one by one. @throws SourceError */
  topics(namespace: string): Promise<readonly string[]>;
}

/**
 * @param migrations null: topics are where the service URL leads
 * @param listenerName of the brokers' advertised listeners, the one whose addresses are asked for; their default when left out
 */
export function createLookup(pool: Pool, migrations: Migrations | null = null, listenerName?: string): Lookup {
  /** They lead to a broker that is not known by its address here. */
  const proxied = new WeakSet<Connection>();

  const served = <T>(asked: (host: Connection) => Promise<T>, hosts?: readonly BrokerAddress[]): Promise<T> =>
    askHost(pool, asked, hosts);

  const follow = async (
    topic: string,
    use: Use,
    host: Connection,
    hosts?: readonly BrokerAddress[],
  ): Promise<Connection> => {
    const what = `looking up ${topic}`;
    let connection = host;
    let authoritative = false;
    for (let hop = 0; hop < MOST_REDIRECTS; hop++) {
      const answer = await ask(connection, what, { topic, authoritative, advertisedListenerName: listenerName });
      if (answer.response !== LookupResponse.Connect && answer.response !== LookupResponse.Redirect) {
        throw connection.refusal(what, answer.error, answer.message);
      }
      const throughProxy = answer.proxyThroughServiceUrl ?? false;
      const address = brokerAddress(what, answer, connection.address, pool.foreign);
      if (!throughProxy) refusePlain(what, address, connection.address);
      if (answer.response === LookupResponse.Connect) {
        connection = await pool.broker(address, throughProxy, use, hosts);
        if (throughProxy) proxied.add(connection);
        return connection;
      }
      connection = await pool.broker(address, throughProxy, "asking", hosts);
      authoritative = answer.authoritative ?? false;
    }
    throw new SourceError("BrokerNotReady", `${what}: more than ${MOST_REDIRECTS} redirects; it is tried again`);
  };

  return {
    broker(topic, use) {
      const hosts = migrations?.of(topic)?.hosts;
      return served((host) => follow(topic, use, host, hosts), hosts);
    },
    async assigned(topic, from, { serviceUrl, serviceUrlTls }, use) {
      const what = `moving ${topic}`;
      // What is named is the address for others.
      if (proxied.has(from) || listenerName !== undefined)
        throw new SourceError("BrokerNotReady", `${what}: look it up`);
      const answer = { brokerServiceUrl: serviceUrl, brokerServiceUrlTls: serviceUrlTls };
      const address = brokerAddress(what, answer, from.address, pool.foreign);
      refusePlain(what, address, from.address);
      return await pool.broker(address, false, use);
    },
    partitions: (topic) => served((host) => countPartitions(topic, host)),
    topics: (namespace) => served((host) => list(namespace, host)),
  };
}

/** Asks a host of the service URL, or of the cluster that a topic was migrated to. */
async function askHost<T>(
  pool: Pool,
  asked: (host: Connection) => Promise<T>,
  hosts?: readonly BrokerAddress[],
): Promise<T> {
  const host = await pool.service(hosts);
  try {
    return await asked(host);
  } catch (error) {
    if (error instanceof SourceError && !isSlow(error)) pool.passOver(host);
    throw error;
  }
}

async function countPartitions(topic: string, host: Connection): Promise<number> {
  const what = `asking for the partitions of ${topic}`;
  const { PARTITIONED_METADATA } = Command;
  const question = { topic };
  const type = c.partitionedMetadataResponse;
  const answer = await host.request(what, PARTITIONED_METADATA, c.partitionedMetadata, question, type);
  if (answer.response !== 0) throw host.refusal(what, answer.error, answer.message);
  const { partitions = 0 } = answer;
  if (partitions <= MOST_PARTITIONS) return partitions;
  const text = `${what}: the broker answered that there are ${partitions}; at most ${MOST_PARTITIONS} are consumed`;
  throw new SourceError("ProtocolError", `${text}: name the partitions in spec.pulsar.topics of several sinks`);
}

async function list(namespace: string, host: Connection): Promise<readonly string[]> {
  const what = `listing the topics of ${namespace}`;
  const { GET_TOPICS_OF_NAMESPACE } = Command;
  const question = { namespace, mode: 0 };
  const type = c.topicsOfNamespaceResponse;
  const { topics = [] } = await host.request(what, GET_TOPICS_OF_NAMESPACE, c.topicsOfNamespace, question, type);
  if (topics.length === 0) await requireNamespace(what, namespace, host);
  return topics;
}

/** A broker has no topics in a namespace that does not exist; looking one up, which creates nothing, tells. @throws SourceError */
async function requireNamespace(what: string, namespace: string, host: Connection): Promise<void> {
  // What else may be wrong, such as a permission for that one topic, is no matter here.
  const question = { topic: `persistent://${namespace}/any`, authoritative: false };
  const answer = await ask(host, what, question).catch(() => null);
  if (answer === null || answer.error === undefined) return;
  const error = host.refusal(what, answer.error, answer.message);
  if (error.code === "NamespaceNotFound") throw error;
}

function ask(connection: Connection, what: string, question: Decoded<typeof c.lookup>): Promise<LookupAnswer> {
  return connection.request(what, Command.LOOKUP, c.lookup, question, c.lookupResponse);
}

function brokerAddress(what: string, answer: NamedBroker, asked: BrokerAddress, foreign: ForeignText): BrokerAddress {
  const url = asked.tls ? answer.brokerServiceUrlTls : answer.brokerServiceUrl;
  if (url === undefined || url === "") {
    const kind = asked.tls ? "TLS" : "plain";
    throw new SourceError(
      "ProtocolError",
      `${what}: ${addressText(asked)} named no ${kind} address: use the other scheme in spec.pulsar.serviceUrl, or give the brokers a ${kind} listener`,
    );
  }
  // It will be named in errors: one with credentials or control characters in it is no address.
  const clean = foreign.clean(url);
  const [address] = clean === url ? parseServiceUrl(url) : [];
  if (address !== undefined) return address;
  throw new SourceError("ProtocolError", `${what}: ${addressText(asked)} named "${clean}", which is no address`);
}

/**
 * Credentials go where they went so far or to a host whose certificate is verified. Behind a proxy it is the proxy that
 * gets them, and a plain address is its own matter: it names brokers as it reaches them itself.
 */
function refusePlain(what: string, named: BrokerAddress, asked: BrokerAddress): void {
  if (named.tls || !asked.tls) return;
  const text = `${what}: ${addressText(asked)} sends on to ${addressText(named)}, which is not encrypted`;
  throw new SourceError(
    "TlsFailed",
    `${text}: no credentials are sent there; give the brokers a pulsar+ssl:// address in advertisedListeners`,
  );
}
