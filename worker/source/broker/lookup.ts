import type { ForeignText } from "../../../runtime/foreign-text.ts";
import * as c from "../protocol/commands.ts";
import { Command, LookupResponse } from "../protocol/commands.ts";
import type { Decoded } from "../protocol/field-table.ts";
import { SourceError } from "../source.ts";
import type { Connection } from "./connection.ts";
import { isSlow } from "./failures.ts";
import type { Pool, Use } from "./pool.ts";
import { addressText, type BrokerAddress, parseServiceUrl } from "./service-url.ts";

type LookupAnswer = Decoded<typeof c.lookupResponse>;

const MOST_REDIRECTS = 20;
/** Each is a consumer, with memory of its own. */
const MOST_PARTITIONS = 10_000;

export interface Lookup {
  /** A connection for this use to the broker that serves the topic now. @throws SourceError */
  broker(topic: string, use: Use): Promise<Connection>;
  /** 0 for a topic without partitions. @throws SourceError */
  partitions(topic: string): Promise<number>;
  /** Full names of the persistent topics of `tenant/namespace`, partitions one by one. @throws SourceError */
  topics(namespace: string): Promise<readonly string[]>;
}

export function createLookup(pool: Pool): Lookup {
  /** Asks a host of the service URL. */
  const served = async <T>(asked: (host: Connection) => Promise<T>): Promise<T> => {
    const host = await pool.service();
    try {
      return await asked(host);
    } catch (error) {
      if (error instanceof SourceError && !isSlow(error)) pool.passOver(host);
      throw error;
    }
  };

  const follow = async (topic: string, use: Use, host: Connection): Promise<Connection> => {
    const what = `looking up ${topic}`;
    let connection = host;
    let authoritative = false;
    for (let hop = 0; hop < MOST_REDIRECTS; hop++) {
      const answer = await ask(connection, what, topic, authoritative);
      if (answer.response !== LookupResponse.Connect && answer.response !== LookupResponse.Redirect) {
        throw connection.refusal(what, answer.error, answer.message);
      }
      const throughProxy = answer.proxyThroughServiceUrl ?? false;
      const address = brokerAddress(what, answer, connection.address, pool.foreign);
      if (!throughProxy) refusePlain(what, address, connection.address);
      if (answer.response === LookupResponse.Connect) return await pool.broker(address, throughProxy, use);
      connection = await pool.broker(address, throughProxy, "asking");
      authoritative = answer.authoritative ?? false;
    }
    throw new SourceError("BrokerNotReady", `${what}: more than ${MOST_REDIRECTS} redirects; it is tried again`);
  };

  const countPartitions = async (topic: string, host: Connection): Promise<number> => {
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
  };

  const list = async (namespace: string, host: Connection): Promise<readonly string[]> => {
    const what = `listing the topics of ${namespace}`;
    const { GET_TOPICS_OF_NAMESPACE } = Command;
    const question = { namespace, mode: 0 };
    const type = c.topicsOfNamespaceResponse;
    const { topics = [] } = await host.request(what, GET_TOPICS_OF_NAMESPACE, c.topicsOfNamespace, question, type);
    if (topics.length === 0) await requireNamespace(what, namespace, host);
    return topics;
  };

  return {
    broker: (topic, use) => served((host) => follow(topic, use, host)),
    partitions: (topic) => served((host) => countPartitions(topic, host)),
    topics: (namespace) => served((host) => list(namespace, host)),
  };
}

/** A broker has no topics in a namespace that does not exist; looking one up, which creates nothing, tells. @throws SourceError */
async function requireNamespace(what: string, namespace: string, host: Connection): Promise<void> {
  // What else may be wrong, such as a permission for that one topic, is no matter here.
  const answer = await ask(host, what, `persistent://${namespace}/any`, false).catch(() => null);
  if (answer === null || answer.error === undefined) return;
  const error = host.refusal(what, answer.error, answer.message);
  if (error.code === "NamespaceNotFound") throw error;
}

function ask(connection: Connection, what: string, topic: string, authoritative: boolean): Promise<LookupAnswer> {
  return connection.request(what, Command.LOOKUP, c.lookup, { topic, authoritative }, c.lookupResponse);
}

function brokerAddress(what: string, answer: LookupAnswer, asked: BrokerAddress, foreign: ForeignText): BrokerAddress {
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
