/**
 * The commands of Pulsar's binary protocol that a consumer and a producer need, as field tables. Numbers and names are
 * those of PulsarApi.proto (protocol version 20). A command's number is also its field number in BaseCommand.
 */

import { bool, bytes, embedded, int32, messageType, repeated, string, uint } from "./field-table.ts";

export const PROTOCOL_VERSION = 20;

export const Command = {
  CONNECT: 2,
  CONNECTED: 3,
  SUBSCRIBE: 4,
  PRODUCER: 5,
  SEND: 6,
  SEND_RECEIPT: 7,
  SEND_ERROR: 8,
  MESSAGE: 9,
  ACK: 10,
  FLOW: 11,
  UNSUBSCRIBE: 12,
  SUCCESS: 13,
  ERROR: 14,
  CLOSE_PRODUCER: 15,
  CLOSE_CONSUMER: 16,
  PRODUCER_SUCCESS: 17,
  PING: 18,
  PONG: 19,
  PARTITIONED_METADATA: 21,
  PARTITIONED_METADATA_RESPONSE: 22,
  LOOKUP: 23,
  LOOKUP_RESPONSE: 24,
  REACHED_END_OF_TOPIC: 27,
  ACTIVE_CONSUMER_CHANGE: 31,
  GET_TOPICS_OF_NAMESPACE: 32,
  GET_TOPICS_OF_NAMESPACE_RESPONSE: 33,
  GET_SCHEMA: 34,
  GET_SCHEMA_RESPONSE: 35,
  AUTH_CHALLENGE: 36,
  AUTH_RESPONSE: 37,
  ACK_RESPONSE: 38,
  GET_OR_CREATE_SCHEMA: 39,
  GET_OR_CREATE_SCHEMA_RESPONSE: 40,
  TOPIC_MIGRATED: 68,
} as const;

export const ServerError = {
  UnknownError: 0,
  MetadataError: 1,
  PersistenceError: 2,
  AuthenticationError: 3,
  AuthorizationError: 4,
  ConsumerBusy: 5,
  ServiceNotReady: 6,
  ProducerBlockedQuotaExceededError: 7,
  ProducerBlockedQuotaExceededException: 8,
  ChecksumError: 9,
  UnsupportedVersionError: 10,
  TopicNotFound: 11,
  SubscriptionNotFound: 12,
  ConsumerNotFound: 13,
  TooManyRequests: 14,
  TopicTerminatedError: 15,
  ProducerBusy: 16,
  InvalidTopicName: 17,
  IncompatibleSchema: 18,
  ConsumerAssignError: 19,
  NotAllowedError: 22,
  ProducerFenced: 25,
} as const;

const keyValue = messageType({ key: string(1), value: string(2) });

export const schema = messageType({
  name: string(1),
  data: bytes(3),
  type: int32(4),
  properties: repeated(embedded(5, keyValue)),
});

export const messageId = messageType({ ledger: uint(1), entry: uint(2), partition: int32(3), batchIndex: int32(4) });

const featureFlags = messageType({
  supportsAuthRefresh: bool(1),
  supportsBrokerEntryMetadata: bool(2),
  supportsPartialProducer: bool(3),
  supportsTopicWatchers: bool(4),
});

const authData = messageType({ method: string(1), data: bytes(2) });

export const connect = messageType({
  clientVersion: string(1),
  authMethodName: string(5),
  authData: bytes(3),
  protocolVersion: int32(4),
  proxyToBrokerUrl: string(6),
  featureFlags: embedded(10, featureFlags),
});
export const connected = messageType({ serverVersion: string(1), protocolVersion: int32(2), maxMessageSize: int32(3) });
export const authChallenge = messageType({ serverVersion: string(1), challenge: embedded(2, authData) });
export const authResponse = messageType({
  clientVersion: string(1),
  response: embedded(2, authData),
  protocolVersion: int32(3),
});
export const empty = messageType({});

/** What every answer to a request may hold, an error among them. */
export const success = messageType({ requestId: uint(1) });
export const error = messageType({ requestId: uint(1), error: int32(2), message: string(3) });

export const partitionedMetadata = messageType({ topic: string(1), requestId: uint(2) });
export const partitionedMetadataResponse = messageType({
  partitions: uint(1),
  requestId: uint(2),
  response: int32(3),
  error: int32(4),
  message: string(5),
});
export const lookup = messageType({
  topic: string(1),
  requestId: uint(2),
  authoritative: bool(3),
  advertisedListenerName: string(7),
});
export const lookupResponse = messageType({
  brokerServiceUrl: string(1),
  brokerServiceUrlTls: string(2),
  response: int32(3),
  requestId: uint(4),
  authoritative: bool(5),
  error: int32(6),
  message: string(7),
  proxyThroughServiceUrl: bool(8),
});
export const LookupResponse = { Redirect: 0, Connect: 1, Failed: 2 } as const;

export const topicsOfNamespace = messageType({ requestId: uint(1), namespace: string(2), mode: int32(3) });
export const topicsOfNamespaceResponse = messageType({ requestId: uint(1), topics: repeated(string(2)) });

export const subscribe = messageType({
  topic: string(1),
  subscription: string(2),
  type: int32(3),
  consumerId: uint(4),
  requestId: uint(5),
  consumerName: string(6),
  durable: bool(8),
  initialPosition: int32(13),
  forceTopicCreation: bool(15),
});
export const SubType = { Exclusive: 0, Shared: 1, Failover: 2 } as const;
export const InitialPosition = { Latest: 0, Earliest: 1 } as const;

export const unsubscribe = messageType({ consumerId: uint(1), requestId: uint(2) });
export const flow = messageType({ consumerId: uint(1), permits: uint(2) });
export const ackResponse = messageType({
  consumerId: uint(1),
  error: int32(4),
  message: string(5),
  requestId: uint(6),
});
export const activeConsumerChange = messageType({ consumerId: uint(1), isActive: bool(2) });
export const reachedEndOfTopic = messageType({ consumerId: uint(1) });
export const closeConsumer = messageType({
  consumerId: uint(1),
  requestId: uint(2),
  assignedBrokerServiceUrl: string(3),
  assignedBrokerServiceUrlTls: string(4),
});
export const topicMigrated = messageType({
  resourceId: uint(1),
  resourceType: int32(2),
  brokerServiceUrl: string(3),
  brokerServiceUrlTls: string(4),
});
export const MigratedResource = { Producer: 0, Consumer: 1 } as const;

export const getSchema = messageType({ requestId: uint(1), topic: string(2), schemaVersion: bytes(3) });
export const getSchemaResponse = messageType({
  requestId: uint(1),
  error: int32(2),
  message: string(3),
  schema: embedded(4, schema),
  schemaVersion: bytes(5),
});
/** For who asks for the version alone. */
export const getSchemaVersionResponse = messageType({
  requestId: uint(1),
  error: int32(2),
  message: string(3),
  schema: bytes(4),
  schemaVersion: bytes(5),
});
export const getOrCreateSchema = messageType({ requestId: uint(1), topic: string(2), schema: embedded(3, schema) });
export const getOrCreateSchemaResponse = messageType({
  requestId: uint(1),
  error: int32(2),
  message: string(3),
  schemaVersion: bytes(4),
});

export const producer = messageType({
  topic: string(1),
  producerId: uint(2),
  requestId: uint(3),
  producerName: string(4),
  userProvidedProducerName: bool(9),
});
export const producerSuccess = messageType({
  requestId: uint(1),
  producerName: string(2),
  lastSequenceId: int32(3),
  producerReady: bool(6),
});
export const send = messageType({
  producerId: uint(1),
  sequenceId: uint(2),
  numMessages: int32(3),
  isChunk: bool(7),
});
export const sendReceipt = messageType({ producerId: uint(1), sequenceId: uint(2), messageId: embedded(3, messageId) });
export const sendError = messageType({ producerId: uint(1), sequenceId: uint(2), error: int32(3), message: string(4) });
export const closeProducer = messageType({ producerId: uint(1), requestId: uint(2) });
