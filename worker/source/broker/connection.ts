import type { Socket } from "node:net";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Authentication, TlsOptions } from "../options.ts";
import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import type { EntryMemory } from "../protocol/entry-memory.ts";
import type { Message, MessageType } from "../protocol/field-table.ts";
import { FrameSplitter } from "../protocol/frame-splitter.ts";
import { commandFrame } from "../protocol/frames.ts";
import { SourceError } from "../source.ts";
import { type ConnectionConsumer, type ConnectionProducer, createDispatcher } from "./dispatcher.ts";
import { asSourceError, networkError } from "./failures.ts";
import { createReadPace } from "./read-pace.ts";
import { createRequests } from "./requests.ts";
import { addressText, type BrokerAddress, hostAndPort } from "./service-url.ts";
import { openSocket } from "./transport.ts";

const CLIENT_VERSION = "pulsar-kinesis-operator";
const PING_INTERVAL_MS = 5_000;
/** A broker that is silent for this long is dead: it answers pings. */
const SILENCE_MS = 10_000;
/** A timer that fires this late tells of a long turn of this process, not of a silent broker. */
const LATE_MS = 1_000;

export interface Connection {
  readonly address: BrokerAddress;
  /** Bytes. */
  readonly maxMessageSize: number;
  /** `Clock.now()` of the last bytes received. */
  readonly heardAt: number;
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
  /** True while memory is so short that nothing more should be read. */
  readonly congested: () => boolean;
  /** For frames that arrive in pieces; the default leaves them to the collector. */
  readonly memory?: Pick<EntryMemory, "own"> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Connects, authenticates and resolves when the broker said CONNECTED. @throws SourceError */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { address, clock, log } = options;
  const broker = addressText(address);
  const connected = Promise.withResolvers<void>();
  // It may be rejected before anybody waits for it.
  connected.promise.catch(() => undefined);
  const closed = Promise.withResolvers<SourceError>();
  const requests = createRequests(broker, clock);
  let socket: Socket | null = null;
  let heardAt = clock.now();
  let lastId = 0;
  let closedBy: SourceError | null = null;
  let keepAlive: Timer | null = null;

  const close = (reason: SourceError): void => {
    if (closedBy !== null) return;
    closedBy = reason;
    keepAlive?.cancel();
    if (reason.code === "AuthenticationFailed") options.authentication?.refused?.();
    pace.close();
    socket?.destroy();
    connected.reject(reason);
    requests.rejectAll(reason);
    dispatcher.closeAll(reason);
    closed.resolve(reason);
  };

  const write = (frame: Uint8Array): void => {
    if (closedBy === null) socket?.write(frame);
  };

  const answerChallenge = async (): Promise<void> => {
    try {
      const response = await authenticationData(options);
      const value = { clientVersion: CLIENT_VERSION, response, protocolVersion: c.PROTOCOL_VERSION };
      write(commandFrame(Command.AUTH_RESPONSE, c.authResponse, value));
    } catch (error) {
      close(asSourceError(error, "the credentials cannot be read"));
    }
  };

  const pace = createReadPace({ congested: options.congested, clock, resume: () => void socket?.resume() });
  const dispatcher = createDispatcher(broker, requests, {
    onConnected(maxMessageSize) {
      if (maxMessageSize > 0) splitter.maxMessageSize = maxMessageSize;
      connected.resolve();
    },
    onPing: () => write(commandFrame(Command.PONG, c.empty, {})),
    onChallenge: () => void answerChallenge(),
    onRefused: close,
  });
  const splitter = new FrameSplitter((bytes, start, end, owned) => {
    if (closedBy === null) dispatcher.onFrame(bytes, start, end, owned);
  }, options.memory?.own);

  const onBytes = (length: number, chunk: Buffer): boolean => {
    if (closedBy !== null) return false;
    heardAt = clock.now();
    socket?.cork();
    try {
      splitter.push(chunk, length);
      dispatcher.turnEnd();
    } catch (error) {
      log.warn("the broker sent a malformed frame", { broker, error });
      const reason = error instanceof Error ? error.message : "malformed";
      const text = `${broker} sent a frame that is not sound (${reason}): is it a Pulsar broker?`;
      close(new SourceError("ProtocolError", text));
    }
    socket?.uncork();
    return closedBy === null && pace.readOn(length);
  };

  const checkAlive = (expectedAt: number): void => {
    const now = clock.now();
    if (now - heardAt > SILENCE_MS && now - expectedAt < LATE_MS) {
      const text = `${broker} was not heard from for ${SILENCE_MS / 1000} s: check the network and the broker`;
      close(new SourceError("BrokerUnreachable", text));
      return;
    }
    write(commandFrame(Command.PING, c.empty, {}));
    keepAlive = clock.timer(PING_INTERVAL_MS, () => checkAlive(now + PING_INTERVAL_MS));
  };

  const open = async (): Promise<void> => {
    const frame = await connectFrame(options);
    socket = await openSocket(address, options.tls, options.signal, onBytes);
    socket.on("error", (error) => close(networkError(broker, error)));
    socket.on("close", () => close(networkError(broker, new Error("it closed the connection"))));
    heardAt = clock.now();
    write(frame);
    const timer = clock.timer(SILENCE_MS, () => {
      const text = `${broker} did not answer within ${SILENCE_MS / 1000} s: is it a Pulsar broker, and does it expect TLS?`;
      close(new SourceError("BrokerUnreachable", text));
    });
    const abort = (): void => close(new SourceError("BrokerUnreachable", "the source is being closed"));
    options.signal.addEventListener("abort", abort, { once: true });
    try {
      await connected.promise;
    } finally {
      timer.cancel();
      options.signal.removeEventListener("abort", abort);
    }
    checkAlive(clock.now());
  };

  const requestFrame: Connection["requestFrame"] = async (what, requestId, frame, answer) => {
    if (closedBy !== null) throw closedBy;
    const body = requests.open(what, requestId);
    write(frame);
    try {
      return answer.decode(await body);
    } catch (error) {
      throw asSourceError(error, what);
    }
  };

  await open();
  return {
    address,
    get maxMessageSize() {
      return splitter.maxMessageSize;
    },
    get heardAt() {
      return heardAt;
    },
    get closedBy() {
      return closedBy;
    },
    closed: closed.promise,
    nextId: () => ++lastId,
    write,
    request(what, command, type, value, answer) {
      const requestId = ++lastId;
      return requestFrame(what, requestId, commandFrame(command, type, { ...value, requestId }), answer);
    },
    requestFrame,
    addConsumer: (id, consumer) => void dispatcher.consumers.set(id, consumer),
    removeConsumer: (id) => void dispatcher.consumers.delete(id),
    addProducer: (id, producer) => void dispatcher.producers.set(id, producer),
    removeProducer: (id) => void dispatcher.producers.delete(id),
    close,
  };
}

async function authenticationData({ authentication, signal }: ConnectionOptions) {
  if (authentication === null) return undefined;
  return { method: authentication.method, data: await authentication.credentials(signal) };
}

async function connectFrame(options: ConnectionOptions): Promise<Buffer> {
  try {
    const authentication = await authenticationData(options);
    return commandFrame(Command.CONNECT, c.connect, {
      clientVersion: CLIENT_VERSION,
      protocolVersion: c.PROTOCOL_VERSION,
      authMethodName: authentication?.method,
      authData: authentication?.data,
      proxyToBrokerUrl: options.proxyTo === undefined ? undefined : hostAndPort(options.proxyTo),
      featureFlags: { supportsAuthRefresh: true, supportsBrokerEntryMetadata: true },
    });
  } catch (error) {
    throw asSourceError(error, "the credentials cannot be read");
  }
}
