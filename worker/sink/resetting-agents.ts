/**
 * A request that is given up must not be executed any more. A socket that is merely closed is emptied by the kernel: when
 * a cut of the network ends it still delivers what it holds, however long the cut lasted, and Kinesis executes the request
 * behind its own repetition. So a connection that is destroyed while a request holds it is reset (RST), which drops those
 * bytes. TLS cannot end so: it is the TCP socket below that is reset.
 */
import type { ClientRequest, ClientRequestArgs } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, type RequestOptions } from "node:https";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { http } from "../../runtime/node-http.ts";
import { openTunnel, type ProxyVariables, tunnelProxy } from "../../runtime/proxy.ts";
import { createTrust, type Trust } from "./trust.ts";

type Created = (error: Error | null, socket: Duplex) => void;

/** Sockets that a request holds at the moment, each with the TCP socket that carries it. */
class HeldSockets {
  readonly #held = new Set<Duplex>();

  /** To be called once for a socket, when it is made for a request. */
  watch<S extends Duplex>(socket: S, tcp: Socket): S {
    const destroy = socket.destroy;
    socket.destroy = (error) => {
      // An error is the connection's own: there is nothing left to be reset.
      if (this.#held.delete(socket) && !error) tcp.resetAndDestroy();
      return destroy.call(socket, error);
    };
    socket.once("close", () => this.#held.delete(socket));
    this.hold(socket);
    return socket;
  }

  hold(socket: Duplex): void {
    this.#held.add(socket);
  }

  free(socket: Duplex): void {
    this.#held.delete(socket);
  }
}

export class ResettingHttpAgent extends http.Agent {
  readonly #sockets = new HeldSockets();

  override createConnection(options: ClientRequestArgs, created?: Created): Duplex {
    const socket = super.createConnection(options, created) as Socket;
    return this.#sockets.watch(socket, socket);
  }

  // What it returns is missing in Node's types: whether the socket is kept.
  override keepSocketAlive(socket: Duplex): boolean {
    this.#sockets.free(socket);
    return super.keepSocketAlive(socket) as unknown as boolean;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    this.#sockets.hold(socket);
    super.reuseSocket(socket, request);
  }
}

export class ResettingHttpsAgent extends HttpsAgent {
  readonly #sockets = new HeldSockets();
  readonly #connectMs: number;
  readonly #proxy: ProxyVariables;
  /** Null: the well-known authorities alone. */
  readonly #trust: Trust | null;

  /**
   * @param connectMs how long connecting may take, by way of a proxy too, milliseconds
   * @param ca reads further authorities for each connection, PEM
   */
  constructor(options: AgentOptions, connectMs: number, proxy: ProxyVariables = {}, ca?: () => Promise<Uint8Array>) {
    super(options);
    this.#connectMs = connectMs;
    this.#proxy = proxy;
    this.#trust = ca === undefined ? null : createTrust(ca);
  }

  /** TLS begins once TCP is connected: a socket on its way may still change its handle, from address to address. */
  override createConnection(options: RequestOptions, created: Created): undefined {
    const tcp = this.#open(options, (error) => {
      tcp.setTimeout(0);
      tcp.off("timeout", expire);
      // TLS tells of it.
      tcp.on("error", () => undefined);
      if (error !== null) {
        tcp.destroy();
        created(error, tcp);
        return;
      }
      if (this.#trust === null) this.#secure({ ...options, socket: tcp }, tcp, created);
      else
        this.#trust().then(
          (secureContext) => this.#secure({ ...options, socket: tcp, secureContext }, tcp, created),
          (cause: Error) => {
            tcp.destroy();
            created(cause, tcp);
          },
        );
    });
    const expire = (): void => void tcp.destroy(new ConnectTimeout(this.#connectMs));
    tcp.setTimeout(this.#connectMs, expire);
    return undefined;
  }

  #secure(options: object, tcp: Socket, created: Created): void {
    let secure: Duplex;
    try {
      secure = super.createConnection(options as RequestOptions) as Duplex;
    } catch (error) {
      tcp.destroy();
      created(error as Error, tcp);
      return;
    }
    created(null, this.#sockets.watch(secure, tcp));
  }

  /** The TCP socket that will carry TLS, to the host itself or to the proxy that leads there: reset, either ends the way. */
  #open(options: RequestOptions, opened: (error: Error | null) => void): Socket {
    const target = { host: options.host ?? "", port: Number(options.port) };
    const proxy = tunnelProxy(this.#proxy, target.host, target.port);
    if (proxy !== null) return openTunnel(proxy, target, opened);
    const tcp = connect(options as NetConnectOpts);
    tcp.once("error", opened);
    tcp.once("connect", () => {
      tcp.off("error", opened);
      opened(null);
    });
    return tcp;
  }

  // What it returns is missing in Node's types: whether the socket is kept.
  override keepSocketAlive(socket: Duplex): boolean {
    this.#sockets.free(socket);
    return super.keepSocketAlive(socket) as unknown as boolean;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    this.#sockets.hold(socket);
    super.reuseSocket(socket, request);
  }
}

class ConnectTimeout extends Error {
  override readonly name = "TimeoutError";
  readonly syscall = "connect";
  constructor(ms: number) {
    super(`no connection within ${ms} ms`);
  }
}
