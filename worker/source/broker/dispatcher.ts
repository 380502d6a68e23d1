import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import type { OnFrame } from "../protocol/frame-splitter.ts";
import { type MessageCommand, parseMessageCommand } from "../protocol/message-command.ts";
import { MalformedError, ProtobufReader } from "../protocol/protobuf-reader.ts";
import { SourceError } from "../source.ts";
import { brokerError } from "./failures.ts";
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
  onChallenge(): void;
  /** The broker refused what was no request: the connection. */
  onRefused(reason: SourceError): void;
}

export interface Dispatcher {
  readonly consumers: Map<number, ConnectionConsumer>;
  readonly producers: Map<number, ConnectionProducer>;
  /** @throws MalformedError */
  readonly onFrame: OnFrame;
  /** All that arrived together was dispatched. */
  turnEnd(): void;
  closeAll(reason: SourceError): void;
}

/** Reads the command of each frame and passes it on to the consumer, producer, request or connection that it is for. */
export function createDispatcher(broker: string, requests: Requests, events: ConnectionEvents): Dispatcher {
  const consumers = new Map<number, ConnectionConsumer>();
  const producers = new Map<number, ConnectionProducer>();
  const touched = new Set<ConnectionConsumer>();
  const reader = new ProtobufReader();
  const frame = { type: -1, bodyStart: -1, bodyEnd: -1 };
  const message: MessageCommand = { consumerId: 0, ledger: 0, entry: 0, redeliveryCount: 0, ackSet: null };

  const moves = `${broker} closed it, since the topic moves; it is looked up again`;

  const closeOne = (members: Map<number, { onClosed(reason: SourceError): void }>, id = -1, text = moves): void => {
    const member = members.get(id);
    members.delete(id);
    member?.onClosed(new SourceError("BrokerNotReady", text));
  };

  const handlers: Readonly<Record<number, (body: Buffer) => void>> = {
    [Command.CONNECTED]: (body) => events.onConnected(c.connected.decode(body).maxMessageSize ?? 0),
    [Command.PING]: () => events.onPing(),
    [Command.AUTH_CHALLENGE]: () => events.onChallenge(),
    [Command.ERROR]: (body) => {
      const { requestId = NO_REQUEST, error, message: text } = c.error.decode(body);
      // A request that is not known was given up; its answer came too late.
      if (requests.refuse(requestId, error, text) || requestId < NO_REQUEST) return;
      events.onRefused(brokerError(`connecting to ${broker}`, error, text));
    },
    [Command.ACTIVE_CONSUMER_CHANGE]: (body) => {
      const { consumerId, isActive } = c.activeConsumerChange.decode(body);
      consumers.get(consumerId ?? -1)?.onActiveChange(isActive ?? false);
    },
    [Command.REACHED_END_OF_TOPIC]: (body) => {
      consumers.get(c.reachedEndOfTopic.decode(body).consumerId ?? -1)?.onEndOfTopic();
    },
    [Command.CLOSE_CONSUMER]: (body) => closeOne(consumers, c.closeConsumer.decode(body).consumerId),
    [Command.CLOSE_PRODUCER]: (body) => closeOne(producers, c.closeProducer.decode(body).producerId),
    [Command.TOPIC_MIGRATED]: (body) => {
      const { resourceId, resourceType, ...there } = c.topicMigrated.decode(body);
      const url = there.brokerServiceUrlTls ?? there.brokerServiceUrl ?? "another cluster";
      const text = `${broker} says that the topic was migrated to ${url}: set spec.pulsar.serviceUrl to that cluster`;
      closeOne(resourceType === c.MigratedResource.Consumer ? consumers : producers, resourceId, text);
    },
    [Command.SEND_RECEIPT]: (body) => {
      const { producerId, sequenceId } = c.sendReceipt.decode(body);
      producers.get(producerId ?? -1)?.onReceipt(sequenceId ?? -1);
    },
    [Command.SEND_ERROR]: (body) => {
      const { producerId, sequenceId, error, message: text } = c.sendError.decode(body);
      producers.get(producerId ?? -1)?.onSendError(sequenceId ?? -1, brokerError("publishing", error, text));
    },
  };

  return {
    consumers,
    producers,
    onFrame(bytes, start, end, owned) {
      const commandEnd = start + 4 + bytes.readUInt32BE(start);
      if (commandEnd > end) throw new MalformedError("the command exceeds its frame");
      readBaseCommand(reader.over(bytes, start + 4, commandEnd), frame);
      if (frame.type === Command.MESSAGE) {
        parseMessageCommand(reader.over(bytes, frame.bodyStart, frame.bodyEnd), message);
        const consumer = consumers.get(message.consumerId);
        if (consumer === undefined) return;
        touched.add(consumer);
        consumer.onMessage(message, bytes, commandEnd, end, owned);
        return;
      }
      const body = frame.bodyStart < 0 ? Buffer.alloc(0) : bytes.subarray(frame.bodyStart, frame.bodyEnd);
      const handler = handlers[frame.type];
      if (handler !== undefined) return handler(body);
      const idField = REQUEST_ID_FIELDS[frame.type];
      if (idField !== undefined) requests.answer(requestIdOf(body, idField), Buffer.from(body));
    },
    turnEnd() {
      for (const consumer of touched) consumer.onTurnEnd();
      touched.clear();
    },
    closeAll(reason) {
      for (const consumer of consumers.values()) consumer.onClosed(reason);
      consumers.clear();
      for (const producer of producers.values()) producer.onClosed(reason);
      producers.clear();
    },
  };
}

/** BaseCommand: its type, and the message of that same field number. */
function readBaseCommand(reader: ProtobufReader, frame: { type: number; bodyStart: number; bodyEnd: number }): void {
  frame.type = -1;
  frame.bodyStart = -1;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === 8) frame.type = reader.varint();
    else if ((tag & 7) === 2) {
      const length = reader.length();
      if (frame.type < 0 || tag >>> 3 === frame.type) {
        frame.bodyStart = reader.position;
        frame.bodyEnd = reader.position + length;
      }
      reader.position += length;
    } else reader.skip(tag & 7);
  }
}

/** The answers to requests all hold their request_id, though not as the same field. */
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
