import type { Socket } from "node:net";
import type { Clock } from "../../../runtime/clock.ts";
import type { ForeignText } from "../../../runtime/foreign-text.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Authentication, TlsOptions } from "../options.ts";
import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import type { EntryMemory } from "../protocol/entry-memory.ts";
import type { Message, MessageType } from "../protocol/field-table.ts";
import { FrameSplitter } from "../protocol/frame-splitter.ts";
import { commandFrame } from "../protocol/frames.ts";
import { SourceError } from "../source.ts";
import { type ConnectionConsumer, type ConnectionProducer, createDispatcher, type Dispatcher } from "./dispatcher.ts";
import { asSourceError, createRefusal, networkError, type Refusal } from "./failures.ts";
import { authResponseFrame, connectFrame, takenMessageSize } from "./handshake.ts";
import { createKeepAlive, type KeepAlive, SILENCE_MS } from "./keep-alive.ts";
import { createReadPace, type ReadPace } from "./read-pace.ts";
import { createRequests, type Requests } from "./requests.ts";
import { addressText, type BrokerAddress } from "./service-url.ts";
import { openSocket } from "./transport.ts";

export interface Connection {
  readonly address: BrokerAddress;
  /** The error of an answer that is one. */
  readonly refusal: Refusal;
  /** Bytes. */
  readonly maxMessageSize: number;
  /** `Clock.now()` at which the last request, a ping among them, was sent that has been answered since. */
  readonly answeredAt: number;
  /** Bytes that may be on their way to this side without an answer behind them coming too late for a lease. */
  readonly receivable: number;
  /** It has consumers, producers, or requests that were not answered. */
  readonly isUsed: boolean;
  /** Null while it is open. */
  readonly closedBy: SourceError | null;
  /** Resolves when it is closed. */
  readonly closed: Promise<SourceError>;
  /** Unique on this connection: for requests, consumers and producers. */
  nextId(): number;
  write(frame: Uint8Array): void;
  /**
   * Sends a command with a fresh `requestId` and resolves with the answer.
   * @throws SourceError when the broker refuses it, answers late, or the connection is lost
   */
  request<F, G>(
    what: string,
    command: number,
    type: MessageType<F>,
    value: Message<F>,
    answer: MessageType<G>,
  ): Promise<Message<G>>;
  /** As `request`, for a frame that holds `requestId` already. */
  requestFrame<G>(what: string, requestId: number, frame: Uint8Array, answer: MessageType<G>): Promise<Message<G>>;
  addConsumer(id: number, consumer: ConnectionConsumer): void;
  removeConsumer(id: number): void;
  addProducer(id: number, producer: ConnectionProducer): void;
  removeProducer(id: number): void;
  close(reason: SourceError): void;
}

export interface ConnectionOptions {
  readonly address: BrokerAddress;
  /** The broker behind the proxy at `address`. */
  readonly proxyTo?: BrokerAddress | undefined;
  readonly tls: TlsOptions;
  readonly authentication: Authentication | null;
  readonly foreign: ForeignText;
  /** For frames that arrive in pieces; the default leaves them to the collector. */
  readonly memory?: Pick<EntryMemory, "own"> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Connects, authenticates and resolves when the broker said CONNECTED. @throws SourceError */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const connection = new BrokerConnection(options);
  await connection.open();
  return connection;
}

class BrokerConnection implements Connection {
  readonly address: BrokerAddress;
  readonly refusal: Refusal;
  readonly closed: Promise<SourceError>;
  readonly #options: ConnectionOptions;
  /** The other side, in errors. */
  readonly #broker: string;
  readonly #clock: Clock;
  readonly #connected = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<SourceError>();
  readonly #requests: Requests;
  readonly #dispatcher: Dispatcher;
  readonly #splitter: FrameSplitter;
  readonly #pace: ReadPace;
  readonly #keepAlive: KeepAlive;
  #socket: Socket | null = null;
  /** `Clock.now()` at which messages came last. */
  #messagesAt = Number.NEGATIVE_INFINITY;
  #closedBy: SourceError | null = null;
  #lastId = 0;
  /** A broker may ask without reading the answers: there is one of each at a time. */
  #ponging = false;
  #answering = false;

  constructor(options: ConnectionOptions) {
    const { address, foreign, clock } = options;
    const broker = addressText(address);
    this.address = address;
    this.refusal = createRefusal(foreign);
    this.closed = this.#closed.promise;
    this.#options = options;
    this.#broker = broker;
    this.#clock = clock;
    // It may be rejected before anybody waits for it.
    this.#connected.promise.catch(() => undefined);
    this.#requests = createRequests(broker, this.refusal, clock, {
      messagesAt: () => this.#messagesAt,
      onAnswered: (sentAt) => this.#keepAlive.answered(sentAt),
    });
    this.#dispatcher = createDispatcher(broker, foreign, this.#requests, {
      onConnected: (maxMessageSize) => this.#onConnected(maxMessageSize),
      onPing: () => this.#pong(),
      onPong: () => this.#keepAlive.onPong(),
      onChallenge: () => void this.#answerChallenge(),
      onRefused: (reason) => this.close(reason),
    });
    const dispatcher = this.#dispatcher;
    this.#splitter = new FrameSplitter((bytes, start, end, owned) => {
      if (this.#closedBy === null) dispatcher.onFrame(bytes, start, end, owned);
    }, options.memory?.own);
    this.#pace = createReadPace(() => void this.#socket?.resume());
    this.#keepAlive = createKeepAlive({
      clock,
      ping: () => this.write(commandFrame(Command.PING, c.empty, {})),
      onSilent: () => {
        const text = `${broker} was not heard from for ${SILENCE_MS / 1000} s: check the network and the broker`;
        this.close(new SourceError("BrokerUnreachable", text));
      },
    });
  }

  get maxMessageSize(): number {
    return this.#splitter.maxMessageSize;
  }

  get answeredAt(): number {
    return this.#keepAlive.answeredAt;
  }

  get receivable(): number {
    return this.#keepAlive.receivable;
  }

  get isUsed(): boolean {
    const { consumers, producers } = this.#dispatcher;
    return consumers.size > 0 || producers.size > 0 || this.#requests.waiting > 0;
  }

  get closedBy(): SourceError | null {
    return this.#closedBy;
  }

  /** Called once, first. @throws SourceError */
  async open(): Promise<void> {
    const { address, tls, signal } = this.#options;
    const broker = this.#broker;
    const frame = await connectFrame(this.#options);
    const socket = await openSocket(address, tls, signal, (length, chunk) => this.#onBytes(length, chunk));
    this.#socket = socket;
    socket.on("error", (error) => this.close(networkError(broker, error)));
    socket.on("close", () => this.close(networkError(broker, new Error("it closed the connection"))));
    this.#keepAlive.heard(0);
    this.write(frame);
    const timer = this.#clock.timer(SILENCE_MS, () => {
      const text = `${broker} did not answer within ${SILENCE_MS / 1000} s: is it a Pulsar broker, and does it expect TLS?`;
      this.close(new SourceError("BrokerUnreachable", text));
    });
    const abort = (): void => this.close(new SourceError("BrokerUnreachable", "the source is being closed"));
    signal.addEventListener("abort", abort, { once: true });
    try {
      await this.#connected.promise;
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", abort);
    }
    this.#keepAlive.start();
  }

  nextId(): number {
    return ++this.#lastId;
  }

  write(frame: Uint8Array): void {
    if (this.#closedBy === null) this.#socket?.write(frame);
  }

  request<F, G>(
    what: string,
    command: number,
    type: MessageType<F>,
    value: Message<F>,
    answer: MessageType<G>,
  ): Promise<Message<G>> {
    const requestId = this.nextId();
    return this.requestFrame(what, requestId, commandFrame(command, type, { ...value, requestId }), answer);
  }

  async requestFrame<G>(what: string, requestId: number, frame: Uint8Array, answer: MessageType<G>) {
    if (this.#closedBy !== null) throw this.#closedBy;
    const body = this.#requests.open(what, requestId);
    this.write(frame);
    try {
      return answer.decode(await body);
    } catch (error) {
      throw asSourceError(error, what);
    }
  }

  addConsumer(id: number, consumer: ConnectionConsumer): void {
    this.#dispatcher.consumers.set(id, consumer);
  }

  removeConsumer(id: number): void {
    this.#dispatcher.consumers.delete(id);
  }

  addProducer(id: number, producer: ConnectionProducer): void {
    this.#dispatcher.producers.set(id, producer);
  }

  removeProducer(id: number): void {
    this.#dispatcher.producers.delete(id);
  }

  close(reason: SourceError): void {
    if (this.#closedBy !== null) return;
    this.#closedBy = reason;
    this.#keepAlive.end();
    if (reason.code === "AuthenticationFailed") this.#options.authentication?.refused?.();
    this.#pace.close();
    this.#socket?.destroy();
    this.#connected.reject(reason);
    this.#requests.rejectAll(reason);
    this.#dispatcher.closeAll(reason);
    this.#closed.resolve(reason);
  }

  /** As {@link OnBytes}. */
  #onBytes(length: number, chunk: Buffer): boolean {
    if (this.#closedBy !== null) return false;
    this.#keepAlive.heard(length);
    this.#socket?.cork();
    try {
      this.#splitter.push(chunk, length);
      if (this.#dispatcher.turnEnd() || this.#splitter.isMidFrame) this.#messagesAt = this.#clock.now();
    } catch (error) {
      this.#onMalformed(error);
    }
    this.#socket?.uncork();
    return this.#closedBy === null && this.#pace.readOn(length);
  }

  #onMalformed(error: unknown): void {
    const broker = this.#broker;
    this.#options.log.warn("the broker sent a malformed frame", { broker, error });
    const reason = error instanceof Error ? error.message : "malformed";
    const text = `${broker} sent a frame that is not sound (${reason}): is it a Pulsar broker?`;
    this.close(new SourceError("ProtocolError", text));
  }

  #onConnected(maxMessageSize: number): void {
    if (maxMessageSize > 0) {
      this.#splitter.maxMessageSize = takenMessageSize(maxMessageSize, this.#broker, this.#options.log);
    }
    this.#connected.resolve();
  }

  #pong(): void {
    if (this.#ponging || this.#closedBy !== null) return;
    this.#ponging = true;
    this.#socket?.write(commandFrame(Command.PONG, c.empty, {}), () => {
      this.#ponging = false;
    });
  }

  async #answerChallenge(): Promise<void> {
    if (this.#answering || this.#closedBy !== null) return;
    this.#answering = true;
    try {
      const frame = await authResponseFrame(this.#options);
      this.#socket?.write(frame, () => {
        this.#answering = false;
      });
    } catch (error) {
      this.close(asSourceError(error, "the credentials cannot be read"));
    }
  }
}
