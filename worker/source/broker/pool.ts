import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Authentication, TlsOptions } from "../options.ts";
import type { EntryMemory } from "../protocol/entry-memory.ts";
import { SourceError } from "../source.ts";
import { type Connection, openConnection } from "./connection.ts";
import { addressText, type BrokerAddress } from "./service-url.ts";

export interface PoolOptions {
  /** The hosts of the service URL; at least one. */
  readonly hosts: readonly BrokerAddress[];
  readonly tls: TlsOptions;
  readonly authentication: Authentication | null;
  readonly congested: () => boolean;
  readonly memory?: Pick<EntryMemory, "own"> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** One connection per broker, shared by all that talk to it. */
export interface Pool {
  /** A connection to any host of the service URL, tried in turn. @throws SourceError */
  service(): Promise<Connection>;
  /** That host answers, and cannot do what it was asked: another one is asked first from now on. */
  passOver(host: Connection): void;
  /** A connection to that broker; by way of a proxy, which a host of the service URL then is. @throws SourceError */
  broker(address: BrokerAddress, throughProxy: boolean): Promise<Connection>;
  close(): void;
}

export function createPool(options: PoolOptions): Pool {
  const { hosts, log } = options;
  const connections = new Map<string, Promise<Connection>>();
  let current = 0;

  const open = async (name: string, address: BrokerAddress, proxyTo?: BrokerAddress): Promise<Connection> => {
    const connection = await openConnection({ ...options, address, proxyTo });
    log.debug("connected", { broker: name });
    void connection.closed.then((reason) => {
      connections.delete(name);
      log.info("the connection to the broker ended", { broker: name, reason: reason.message });
    });
    return connection;
  };

  const get = (address: BrokerAddress, proxyTo?: BrokerAddress): Promise<Connection> => {
    const name = addressText(address) + (proxyTo === undefined ? "" : ` to ${addressText(proxyTo)}`);
    const known = connections.get(name);
    if (known !== undefined) return known;
    const opening = open(name, address, proxyTo);
    connections.set(name, opening);
    opening.catch(() => connections.delete(name));
    return opening;
  };

  /** Tries the hosts in turn, from the one that worked last. */
  const service = async (proxyTo?: BrokerAddress): Promise<Connection> => {
    let failure: unknown = null;
    const first = current;
    for (let offset = 0; offset < hosts.length; offset++) {
      const index = (first + offset) % hosts.length;
      try {
        const connection = await get(hosts[index] as BrokerAddress, proxyTo);
        current = index;
        return connection;
      } catch (error) {
        failure = error;
        options.signal.throwIfAborted();
      }
    }
    throw failure;
  };

  return {
    service: () => service(),
    passOver({ address }) {
      if (addressText(hosts[current] as BrokerAddress) === addressText(address)) current = (current + 1) % hosts.length;
    },
    broker: (address, throughProxy) => (throughProxy ? service(address) : get(address)),
    close() {
      const reason = new SourceError("BrokerUnreachable", "the source was closed");
      for (const connection of connections.values()) {
        connection.then(
          (open) => open.close(reason),
          () => undefined,
        );
      }
      connections.clear();
    },
  };
}
