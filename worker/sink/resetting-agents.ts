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

  /** @param connectMs how long connecting may take, milliseconds */
  constructor(options: AgentOptions, connectMs: number) {
    super(options);
    this.#connectMs = connectMs;
  }

  /** TLS begins once TCP is connected: a socket on its way may still change its handle, from address to address. */
  override createConnection(options: RequestOptions, created: Created): undefined {
    const tcp = connect(options as NetConnectOpts);
    const fail = (error: Error): void => created(error, tcp);
    const expire = (): void => void tcp.destroy(new ConnectTimeout(this.#connectMs));
    tcp.setTimeout(this.#connectMs, expire);
    tcp.once("error", fail);
    tcp.once("connect", () => {
      tcp.setTimeout(0);
      tcp.off("timeout", expire);
      tcp.off("error", fail);
      // TLS tells of it.
      tcp.on("error", () => undefined);
      const secure = super.createConnection({ ...options, socket: tcp } as RequestOptions) as Duplex;
      created(null, this.#sockets.watch(secure, tcp));
    });
    return undefined;
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
