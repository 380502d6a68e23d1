import type { Socket } from "node:net";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { SourceError } from "../source.ts";
import type { Authentication } from "./authentication.ts";
import * as c from "./commands.ts";
import { Command } from "./commands.ts";
import { asSourceError, brokerError, networkError } from "./failures.ts";
import { FrameSplitter } from "./frame-splitter.ts";
import { commandFrame } from "./frames.ts";
import type { Message, MessageType } from "./message-codec.ts";
import { type MessageCommand, parseMessageCommand } from "./message-command.ts";
import { MalformedError, ProtobufReader } from "./protobuf-reader.ts";
import { addressText, type BrokerAddress, hostAndPort } from "./service-url.ts";
import { openSocket, type TlsOptions } from "./transport.ts";

const PING_INTERVAL_MS = 5_000;
/** A broker that is silent for this long is dead: it answers pings. */
const SILENCE_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** Other sockets and timers get their turn after this many bytes. */
const BYTES_PER_TURN = 256 * 1024;
/** No pause is longer, or the broker's pings would go unanswered. */
const LONGEST_PAUSE_MS = 2_000;

/** A consumer as its connection sees it. Calls are synchronous, in wire order. */
export interface ConnectionConsumer {
  /** `bytes[start..end)` follows the command; `owned` as in frame-splitter. `command` is reused. */
  onMessage(command: MessageCommand, bytes: Buffer, start: number, end: number, owned: boolean): void;
  onActiveChange(active: boolean): void;
  onEndOfTopic(): void;
  /** The broker closed the consumer (unload, shutdown, migration), or the connection is gone. */
  onClosed(reason: SourceError): void;
  /** All that arrived together was handed over: a good time to grant permits. */
  onTurnEnd(): void;
}

export interface ConnectionProducer {
  onReceipt(sequenceId: number): void;
  onSendError(sequenceId: number, error: SourceError): void;
  onClosed(reason: SourceError): void;
}

export interface Connection {
  readonly address: BrokerAddress;
  readonly maxMessageSize: number;
  /** `Clock.now()` of the last bytes received. */
  readonly heardAt: number;
  /** Null while it is open. */
  readonly closedBy: SourceError | null;
  /** Resolves when it is closed. */
  readonly closed: Promise<SourceError>;
  nextId(): number;
  write(frame: Uint8Array): void;
  /**
   * Sends a command with a fresh `requestId` and resolves with the body of the answer.
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
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export const CLIENT_VERSION = "pulsar-kinesis-operator";

interface PendingRequest {
  readonly what: string;
  resolve(body: Buffer): void;
  reject(error: SourceError): void;
}

/** Connects, authenticates and resolves when the broker said CONNECTED. @throws SourceError */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { address, clock, log, authentication } = options;
  const name = addressText(address);
  const requests = new Map<number, PendingRequest>();
  const consumers = new Map<number, ConnectionConsumer>();
  const producers = new Map<number, ConnectionProducer>();
  const touched = new Set<ConnectionConsumer>();
  const reader = new ProtobufReader();
  const messageCommand: MessageCommand = { consumerId: 0, ledger: 0, entry: 0, redeliveryCount: 0, ackSet: null };
  const handshake = Promise.withResolvers<void>();
  handshake.promise.catch(() => undefined);
  const closing = Promise.withResolvers<SourceError>();
  let socket: Socket | null = null;
  let heardAt = clock.now();
  let lastId = 0;
  let closedBy: SourceError | null = null;
  let keepAlive: Timer | null = null;
  let bytesThisTurn = 0;
  let resumeTimer: Timer | null = null;

  const close = (reason: SourceError): void => {
    if (closedBy !== null) return;
    closedBy = reason;
    keepAlive?.cancel();
    resumeTimer?.cancel();
    socket?.destroy();
    handshake.reject(reason);
    for (const request of requests.values()) request.reject(reason);
    requests.clear();
    for (const consumer of consumers.values()) consumer.onClosed(reason);
    consumers.clear();
    for (const producer of producers.values()) producer.onClosed(reason);
    producers.clear();
    closing.resolve(reason);
  };

  const write = (frame: Uint8Array): void => {
    if (closedBy === null) socket?.write(frame);
  };

  const answered = (requestId: number | undefined): PendingRequest | undefined => {
    const request = requests.get(requestId ?? -1);
    requests.delete(requestId ?? -1);
    return request;
  };

  const authenticate = async (): Promise<void> => {
    try {
      const data = (await authentication?.credentials(options.signal)) ?? new Uint8Array();
      const response = { method: authentication?.method ?? "none", data };
      const value = { clientVersion: CLIENT_VERSION, response, protocolVersion: c.PROTOCOL_VERSION };
      write(commandFrame(Command.AUTH_RESPONSE, c.authResponse, value));
    } catch (error) {
      close(asSourceError(error, "the credentials cannot be read"));
    }
  };

  const rare: Readonly<Record<number, (body: Buffer) => void>> = {
    [Command.CONNECTED]: (body) => {
      const { maxMessageSize = 0 } = c.connected.decode(body);
      if (maxMessageSize > 0) splitter.maxMessageSize = maxMessageSize;
      handshake.resolve();
    },
    [Command.PING]: () => write(commandFrame(Command.PONG, c.empty, {})),
    [Command.PONG]: () => undefined,
    [Command.AUTH_CHALLENGE]: () => void authenticate(),
    [Command.ERROR]: (body) => {
      const { requestId, error, message } = c.error.decode(body);
      const request = answered(requestId);
      if (request !== undefined) request.reject(brokerError(request.what, error, message));
      else close(brokerError(`connecting to ${name}`, error, message));
    },
    [Command.ACTIVE_CONSUMER_CHANGE]: (body) => {
      const { consumerId, isActive } = c.activeConsumerChange.decode(body);
      consumers.get(consumerId ?? -1)?.onActiveChange(isActive ?? false);
    },
    [Command.REACHED_END_OF_TOPIC]: (body) => {
      consumers.get(c.reachedEndOfTopic.decode(body).consumerId ?? -1)?.onEndOfTopic();
    },
    [Command.CLOSE_CONSUMER]: (body) => closeConsumer(c.closeConsumer.decode(body).consumerId),
    [Command.CLOSE_PRODUCER]: (body) => closeProducer(c.closeConsumer.decode(body).consumerId),
    [Command.TOPIC_MIGRATED]: (body) => {
      const { resourceId, resourceType } = c.topicMigrated.decode(body);
      if (resourceType === 1) closeConsumer(resourceId);
      else closeProducer(resourceId);
    },
    [Command.SEND_RECEIPT]: (body) => {
      const { producerId, sequenceId } = c.sendReceipt.decode(body);
      producers.get(producerId ?? -1)?.onReceipt(sequenceId ?? -1);
    },
    [Command.SEND_ERROR]: (body) => {
      const { producerId, sequenceId, error, message } = c.sendError.decode(body);
      producers.get(producerId ?? -1)?.onSendError(sequenceId ?? -1, brokerError("publishing", error, message));
    },
  };

  const moved = (): SourceError =>
    new SourceError("BrokerNotReady", `${name} closed the consumer, since its topic moves; it is looked up again`);

  const closeConsumer = (id: number | undefined): void => {
    const consumer = consumers.get(id ?? -1);
    consumers.delete(id ?? -1);
    consumer?.onClosed(moved());
  };

  const closeProducer = (id: number | undefined): void => {
    const producer = producers.get(id ?? -1);
    producers.delete(id ?? -1);
    producer?.onClosed(moved());
  };

  const onFrame = (bytes: Buffer, start: number, end: number, owned: boolean): void => {
    if (closedBy !== null) return;
    const commandStart = start + 4;
    const commandEnd = commandStart + bytes.readUInt32BE(start);
    if (commandEnd > end) throw new MalformedError("the command exceeds its frame");
    reader.over(bytes, commandStart, commandEnd);
    let type = -1;
    let bodyStart = -1;
    let bodyEnd = -1;
    while (reader.position < commandEnd) {
      const tag = reader.varint();
      if (tag === 8) type = reader.varint();
      else if ((tag & 7) === 2) {
        const length = reader.length();
        if (type < 0 || tag >>> 3 === type) {
          bodyStart = reader.position;
          bodyEnd = bodyStart + length;
        }
        reader.position += length;
      } else reader.skip(tag & 7);
    }
    if (type === Command.MESSAGE) {
      parseMessageCommand(reader.over(bytes, bodyStart, bodyEnd), messageCommand);
      const consumer = consumers.get(messageCommand.consumerId);
      if (consumer === undefined) return;
      touched.add(consumer);
      consumer.onMessage(messageCommand, bytes, commandEnd, end, owned);
      return;
    }
    const body = bodyStart < 0 ? Buffer.alloc(0) : bytes.subarray(bodyStart, bodyEnd);
    const handler = rare[type];
    if (handler !== undefined) handler(body);
    else respond(body, type);
  };

  /** The answers to requests: all hold their request_id, though not as the same field. */
  const respond = (body: Buffer, type: number): void => {
    const idField = REQUEST_ID_FIELDS[type];
    if (idField === undefined) return;
    const request = answered(requestIdOf(body, idField));
    request?.resolve(Buffer.from(body));
  };

  const splitter = new FrameSplitter(onFrame);

  const resume = (): void => {
    resumeTimer?.cancel();
    resumeTimer = null;
    bytesThisTurn = 0;
    if (closedBy === null) socket?.resume();
  };

  /** Reads on when memory was given back, or after the longest pause in any case. */
  const waitForMemory = (until: number): void => {
    if (!options.congested() || clock.now() >= until) resume();
    else resumeTimer = clock.timer(10, () => waitForMemory(until));
  };

  const onBytes = (length: number, chunk: Buffer): boolean => {
    heardAt = clock.now();
    if (closedBy !== null) return false;
    socket?.cork();
    try {
      splitter.push(chunk, length);
      for (const consumer of touched) consumer.onTurnEnd();
      touched.clear();
    } catch (error) {
      log.warn("the broker sent a malformed frame", { broker: name, error });
      const reason = error instanceof Error ? error.message : "malformed";
      close(
        new SourceError("ProtocolError", `${name} sent a frame that is not sound (${reason}): is it a Pulsar broker?`),
      );
    }
    socket?.uncork();
    if (closedBy !== null) return false;
    bytesThisTurn += length;
    if (options.congested()) {
      waitForMemory(clock.now() + LONGEST_PAUSE_MS);
      return resumeTimer === null;
    }
    if (bytesThisTurn < BYTES_PER_TURN) return true;
    setImmediate(resume);
    return false;
  };

  const checkAlive = (expectedAt: number): void => {
    const now = clock.now();
    // After a long turn of this process, what the broker sent meanwhile is read first.
    if (now - heardAt > SILENCE_MS && now - expectedAt < 1_000) {
      close(
        new SourceError(
          "BrokerUnreachable",
          `${name} was not heard from for ${SILENCE_MS / 1000} s: check the network and the broker`,
        ),
      );
      return;
    }
    write(commandFrame(Command.PING, c.empty, {}));
    keepAlive = clock.timer(PING_INTERVAL_MS, () => checkAlive(now + PING_INTERVAL_MS));
  };

  const requestFrame: Connection["requestFrame"] = async (what, requestId, frame, answer) => {
    if (closedBy !== null) throw closedBy;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    requests.set(requestId, { what, resolve, reject });
    const timer = clock.timer(REQUEST_TIMEOUT_MS, () => {
      requests.delete(requestId);
      reject(
        new SourceError(
          "BrokerNotReady",
          `${what}: ${name} did not answer within ${REQUEST_TIMEOUT_MS / 1000} s; it is tried again`,
        ),
      );
    });
    write(frame);
    try {
      return answer.decode(await promise);
    } catch (error) {
      throw asSourceError(error, what);
    } finally {
      timer.cancel();
    }
  };

  const connectFrame = async (): Promise<Buffer> => {
    const data = await authentication?.credentials(options.signal);
    return commandFrame(Command.CONNECT, c.connect, {
      clientVersion: CLIENT_VERSION,
      protocolVersion: c.PROTOCOL_VERSION,
      authMethodName: authentication?.method,
      authData: data,
      proxyToBrokerUrl: options.proxyTo === undefined ? undefined : hostAndPort(options.proxyTo),
      featureFlags: { supportsAuthRefresh: true, supportsBrokerEntryMetadata: true, supportsPartialProducer: false },
    });
  };

  const open = async (): Promise<void> => {
    let frame: Buffer;
    try {
      frame = await connectFrame();
    } catch (error) {
      throw asSourceError(error, "the credentials cannot be read");
    }
    socket = await openSocket(address, options.tls, options.signal, onBytes);
    socket.on("error", (error) => close(networkError(name, error)));
    socket.on("close", () => close(networkError(name, new Error("it closed the connection"))));
    heardAt = clock.now();
    write(frame);
    const timer = clock.timer(SILENCE_MS, () => {
      close(
        new SourceError(
          "BrokerUnreachable",
          `${name} did not answer CONNECT within ${SILENCE_MS / 1000} s: is it a Pulsar broker, and is TLS as it expects?`,
        ),
      );
    });
    const abort = (): void => close(new SourceError("BrokerUnreachable", "the source is being closed"));
    options.signal.addEventListener("abort", abort, { once: true });
    try {
      await handshake.promise;
    } finally {
      timer.cancel();
      options.signal.removeEventListener("abort", abort);
    }
    keepAlive = clock.timer(PING_INTERVAL_MS, () => checkAlive(clock.now()));
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
    closed: closing.promise,
    nextId: () => ++lastId,
    write,
    request(what, command, type, value, answer) {
      const requestId = ++lastId;
      return requestFrame(what, requestId, commandFrame(command, type, { ...value, requestId }), answer);
    },
    requestFrame,
    addConsumer: (id, consumer) => void consumers.set(id, consumer),
    removeConsumer: (id) => void consumers.delete(id),
    addProducer: (id, producer) => void producers.set(id, producer),
    removeProducer: (id) => void producers.delete(id),
    close,
  };
}

/** Which field of each answer is its request_id. */
const REQUEST_ID_FIELDS: Readonly<Record<number, number>> = {
  [Command.SUCCESS]: 1,
  [Command.PRODUCER_SUCCESS]: 1,
  [Command.PARTITIONED_METADATA_RESPONSE]: 2,
  [Command.LOOKUP_RESPONSE]: 4,
  [Command.GET_TOPICS_OF_NAMESPACE_RESPONSE]: 1,
  [Command.GET_SCHEMA_RESPONSE]: 1,
  [Command.GET_OR_CREATE_SCHEMA_RESPONSE]: 1,
  [Command.ACK_RESPONSE]: 6,
};

function requestIdOf(body: Buffer, field: number): number {
  const reader = new ProtobufReader().over(body, 0, body.length);
  let id = -1;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === field * 8) id = reader.varint();
    else reader.skip(tag & 7);
  }
  return id;
}
