import type { ForeignText } from "../../../runtime/foreign-text.ts";
import { answeredRequest, type BaseCommand, parseBaseCommand } from "../protocol/base-command.ts";
import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import type { OnFrame } from "../protocol/frame-splitter.ts";
import { type MessageCommand, parseMessageCommand } from "../protocol/message-command.ts";
import { MalformedError, ProtobufReader } from "../protocol/protobuf-reader.ts";
import { SourceError } from "../source.ts";
import { createRefusal, RedirectedError, type Redirection, type Refusal } from "./failures.ts";
import type { Requests } from "./requests.ts";

/** A consumer as its connection sees it. Calls are synchronous, in wire order. */
export interface ConnectionConsumer {
  /** `bytes[start..end)` follows the command; `owned` as in frame-splitter. `command` is used again. */
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

/** From here on an error names no request: brokers write -1, as an unsigned number of 64 bits. */
const NO_REQUEST = 2 ** 53;

/** What concerns the connection itself. */
export interface ConnectionEvents {
  onConnected(maxMessageSize: number): void;
  onPing(): void;
  onPong(): void;
  onChallenge(): void;
  /** The broker refused what was no request: the connection. */
  onRefused(reason: SourceError): void;
}

export interface Dispatcher {
  readonly consumers: Map<number, ConnectionConsumer>;
  readonly producers: Map<number, ConnectionProducer>;
  /** @throws MalformedError */
  readonly onFrame: OnFrame;
  /** All that arrived together was dispatched. True: there were messages in it. */
  turnEnd(): boolean;
  closeAll(reason: SourceError): void;
}

/**
 * Reads the command of each frame and passes it on to the consumer, producer, request or connection that it is for.
 * `broker` names the other side in errors, `foreign` is what it says itself.
 */
export function createDispatcher(
  broker: string,
  foreign: ForeignText,
  requests: Requests,
  events: ConnectionEvents,
): Dispatcher {
  return new CommandDispatcher(broker, foreign, requests, events);
}

class CommandDispatcher implements Dispatcher {
  readonly consumers = new Map<number, ConnectionConsumer>();
  readonly producers = new Map<number, ConnectionProducer>();
  readonly onFrame: OnFrame = (bytes, start, end, owned) => this.#dispatch(bytes, start, end, owned);
  readonly #broker: string;
  readonly #foreign: ForeignText;
  readonly #refusal: Refusal;
  readonly #requests: Requests;
  readonly #events: ConnectionEvents;
  /** Consumers that got messages since the last end of a turn. */
  readonly #touched = new Set<ConnectionConsumer>();
  readonly #reader = new ProtobufReader();
  readonly #command: BaseCommand = { type: -1, bodyStart: -1, bodyEnd: -1 };
  readonly #message: MessageCommand = { consumerId: 0, ledger: 0, entry: 0, redeliveryCount: 0, ackSet: null };

  constructor(broker: string, foreign: ForeignText, requests: Requests, events: ConnectionEvents) {
    this.#broker = broker;
    this.#foreign = foreign;
    this.#refusal = createRefusal(foreign);
    this.#requests = requests;
    this.#events = events;
  }

  turnEnd(): boolean {
    if (this.#touched.size === 0) return false;
    for (const consumer of this.#touched) consumer.onTurnEnd();
    this.#touched.clear();
    return true;
  }

  closeAll(reason: SourceError): void {
    for (const consumer of this.consumers.values()) consumer.onClosed(reason);
    this.consumers.clear();
    for (const producer of this.producers.values()) producer.onClosed(reason);
    this.producers.clear();
  }

  #dispatch(bytes: Buffer, start: number, end: number, owned: boolean): void {
    const command = this.#command;
    const commandEnd = start + 4 + bytes.readUInt32BE(start);
    if (commandEnd > end) throw new MalformedError("the command exceeds its frame");
    parseBaseCommand(this.#reader.over(bytes, start + 4, commandEnd), command);
    if (command.type === Command.MESSAGE) {
      const message = this.#message;
      parseMessageCommand(this.#reader.over(bytes, command.bodyStart, command.bodyEnd), message);
      const consumer = this.consumers.get(message.consumerId);
      if (consumer === undefined) return;
      this.#touched.add(consumer);
      consumer.onMessage(message, bytes, commandEnd, end, owned);
      return;
    }
    const body = command.bodyStart < 0 ? Buffer.alloc(0) : bytes.subarray(command.bodyStart, command.bodyEnd);
    const requestId = answeredRequest(command.type, body);
    if (requestId !== null) this.#requests.answer(requestId, Buffer.from(body));
    else this.#onCommand(command.type, body);
  }

  /** What is neither a message nor an answer. Commands that are not known are passed over. */
  #onCommand(type: number, body: Buffer): void {
    if (type === Command.CONNECTED) this.#events.onConnected(c.connected.decode(body).maxMessageSize ?? 0);
    else if (type === Command.PING) this.#events.onPing();
    else if (type === Command.PONG) this.#events.onPong();
    else if (type === Command.AUTH_CHALLENGE) this.#events.onChallenge();
    else if (type === Command.ERROR) this.#onError(body);
    else if (type === Command.ACTIVE_CONSUMER_CHANGE) this.#onActiveConsumerChange(body);
    else if (type === Command.REACHED_END_OF_TOPIC) this.#onEndOfTopic(body);
    else if (type === Command.CLOSE_CONSUMER) this.#onCloseConsumer(body);
    else if (type === Command.CLOSE_PRODUCER) this.#closeOne(this.producers, c.closeProducer.decode(body).producerId);
    else if (type === Command.TOPIC_MIGRATED) this.#onTopicMigrated(body);
    else if (type === Command.SEND_RECEIPT) this.#onSendReceipt(body);
    else if (type === Command.SEND_ERROR) this.#onSendError(body);
  }

  #onError(body: Buffer): void {
    const { requestId = NO_REQUEST, error, message } = c.error.decode(body);
    // A request that is not known was given up; its answer came too late.
    if (this.#requests.refuse(requestId, error, message) || requestId < NO_REQUEST) return;
    this.#events.onRefused(this.#refusal(`connecting to ${this.#broker}`, error, message));
  }

  #onActiveConsumerChange(body: Buffer): void {
    const { consumerId, isActive } = c.activeConsumerChange.decode(body);
    this.consumers.get(consumerId ?? -1)?.onActiveChange(isActive ?? false);
  }

  #onEndOfTopic(body: Buffer): void {
    this.consumers.get(c.reachedEndOfTopic.decode(body).consumerId ?? -1)?.onEndOfTopic();
  }

  #onCloseConsumer(body: Buffer): void {
    const { consumerId, ...there } = c.closeConsumer.decode(body);
    const [serviceUrl, serviceUrlTls] = [there.assignedBrokerServiceUrl, there.assignedBrokerServiceUrlTls];
    const named = (serviceUrl ?? serviceUrlTls) !== undefined;
    this.#closeOne(this.consumers, consumerId, named ? { kind: "moved", serviceUrl, serviceUrlTls } : null);
  }

  #onTopicMigrated(body: Buffer): void {
    const { resourceId, resourceType, brokerServiceUrl, brokerServiceUrlTls } = c.topicMigrated.decode(body);
    const members = resourceType === c.MigratedResource.Consumer ? this.consumers : this.producers;
    const there = { serviceUrl: brokerServiceUrl, serviceUrlTls: brokerServiceUrlTls };
    this.#closeOne(members, resourceId, { kind: "migrated", ...there });
  }

  #onSendReceipt(body: Buffer): void {
    const { producerId, sequenceId } = c.sendReceipt.decode(body);
    this.producers.get(producerId ?? -1)?.onReceipt(sequenceId ?? -1);
  }

  #onSendError(body: Buffer): void {
    const { producerId, sequenceId, error, message } = c.sendError.decode(body);
    this.producers.get(producerId ?? -1)?.onSendError(sequenceId ?? -1, this.#refusal("publishing", error, message));
  }

  #closeOne(
    members: Map<number, { onClosed(reason: SourceError): void }>,
    id = -1,
    redirection: Redirection | null = null,
  ): void {
    const member = members.get(id);
    members.delete(id);
    member?.onClosed(this.#closedError(redirection));
  }

  #closedError(redirection: Redirection | null): SourceError {
    const broker = this.#broker;
    const moves = `${broker} closed it, since the topic moves; it is looked up again`;
    if (redirection === null) return new SourceError("BrokerNotReady", moves);
    if (redirection.kind === "moved") return new RedirectedError(moves, redirection);
    const url = redirection.serviceUrlTls ?? redirection.serviceUrl ?? "another cluster";
    return new RedirectedError(
      `${broker} says that the topic was migrated to ${this.#foreign.clean(url)}`,
      redirection,
    );
  }
}
