import type { Clock } from "../../../runtime/clock.ts";
import { createForeignText, type ForeignText } from "../../../runtime/foreign-text.ts";
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
  readonly memory?: Pick<EntryMemory, "own"> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * What a connection is for. A broker that has a thousand messages of a connection to store reads nothing more from it, so what
 * is published goes apart from what is consumed: pings and acknowledgements would wait behind it. So does what is asked of
 * topics and schemas, whose answers would wait behind messages.
 */
export type Use = "consuming" | "publishing" | "asking";

/** One that nobody uses is closed after this time. What is asked again and again is asked more often. */
const UNUSED_MS = 150_000;

/** One connection per broker and use, shared by all that talk to it. */
export interface Pool {
  /** What brokers say, and what was sent to any of them. */
  readonly foreign: ForeignText;
  /** A connection for asking to any host of the service URL, or of another cluster's, tried in turn. @throws SourceError */
  service(hosts?: readonly BrokerAddress[]): Promise<Connection>;
  /** That host answers, and cannot do what it was asked: another one is asked first from now on. */
  passOver(host: Connection): void;
  /** A connection to that broker; by way of a proxy, which each of `hosts` then is. @throws SourceError */
  broker(
    address: BrokerAddress,
    throughProxy: boolean,
    use: Use,
    hosts?: readonly BrokerAddress[],
  ): Promise<Connection>;
  close(): void;
}

export function createPool(options: PoolOptions): Pool {
  return new ConnectionPool(options);
}

class ConnectionPool implements Pool {
  readonly foreign = createForeignText();
  readonly #options: PoolOptions;
  readonly #connections = new Map<string, Promise<Connection>>();
  /** `Clock.now()` at which a connection was asked for last. */
  readonly #askedForAt = new Map<string, number>();
  /** Index of the host of the service URL that worked last. */
  #current = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  service(hosts = this.#options.hosts): Promise<Connection> {
    return this.#anyHost(hosts, undefined, "asking");
  }

  passOver({ address }: Connection): void {
    const { hosts } = this.#options;
    const current = hosts[this.#current] as BrokerAddress;
    if (addressText(current) === addressText(address)) this.#current = (this.#current + 1) % hosts.length;
  }

  broker(address: BrokerAddress, throughProxy: boolean, use: Use, hosts = this.#options.hosts): Promise<Connection> {
    return throughProxy ? this.#anyHost(hosts, address, use) : this.#get(address, undefined, use);
  }

  close(): void {
    const reason = new SourceError("BrokerUnreachable", "the source was closed");
    for (const connection of this.#connections.values()) {
      connection.then(
        (open) => open.close(reason),
        () => undefined,
      );
    }
    this.#connections.clear();
  }

  /** Tries the hosts in turn, from the one that worked last. */
  async #anyHost(hosts: readonly BrokerAddress[], proxyTo: BrokerAddress | undefined, use: Use): Promise<Connection> {
    const { signal } = this.#options;
    let failure: unknown = null;
    const own = hosts === this.#options.hosts;
    const first = own ? this.#current : 0;
    for (let offset = 0; offset < hosts.length; offset++) {
      const index = (first + offset) % hosts.length;
      try {
        const connection = await this.#get(hosts[index] as BrokerAddress, proxyTo, use);
        if (own) this.#current = index;
        return connection;
      } catch (error) {
        failure = error;
        signal.throwIfAborted();
      }
    }
    throw failure;
  }

  #get(address: BrokerAddress, proxyTo: BrokerAddress | undefined, use: Use): Promise<Connection> {
    const { clock } = this.#options;
    const broker = addressText(address) + (proxyTo === undefined ? "" : ` to ${addressText(proxyTo)}`);
    const name = use === "consuming" ? broker : `${broker} for ${use}`;
    this.#askedForAt.set(name, clock.now());
    const known = this.#connections.get(name);
    if (known !== undefined) return known;
    const opening = this.#open(name, address, proxyTo);
    this.#connections.set(name, opening);
    opening.catch(() => this.#forget(name));
    return opening;
  }

  async #open(name: string, address: BrokerAddress, proxyTo: BrokerAddress | undefined): Promise<Connection> {
    const { log } = this.#options;
    const { foreign } = this;
    const connection = await openConnection({ ...this.#options, foreign, address, proxyTo });
    log.debug("connected", { broker: name });
    const watching = new AbortController();
    void this.#closeUnused(name, connection, watching.signal).catch(() => undefined);
    void connection.closed.then((reason) => {
      watching.abort();
      this.#forget(name);
      log.info("the connection to the broker ended", { broker: name, reason: reason.message });
    });
    return connection;
  }

  #forget(name: string): void {
    this.#connections.delete(name);
    this.#askedForAt.delete(name);
  }

  async #closeUnused(name: string, connection: Connection, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const isUnused = (): boolean => !connection.isUsed && clock.now() - (this.#askedForAt.get(name) ?? 0) >= UNUSED_MS;
    while (!isUnused()) await clock.sleep(UNUSED_MS, signal);
    connection.close(new SourceError("BrokerUnreachable", "nobody uses it any more"));
  }
}
