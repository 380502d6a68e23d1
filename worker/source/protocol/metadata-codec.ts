/** MessageMetadata and SingleMessageMetadata as they are written; entry and message read them by hand-written code. */

import {
  bool,
  bytes,
  type Decoded,
  embedded,
  int32,
  messageType,
  repeated,
  string,
  uint,
  uint64,
} from "./field-table.ts";

const keyValue = messageType({ key: string(1), value: string(2) });

const encryptionKey = messageType({ key: string(1), value: bytes(2), metadata: repeated(embedded(3, keyValue)) });

export const entryMetadata = messageType({
  producerName: string(1),
  sequenceId: uint(2),
  publishTime: uint(3),
  properties: repeated(embedded(4, keyValue)),
  partitionKey: string(6),
  compression: int32(8),
  uncompressedSize: uint(9),
  numMessagesInBatch: int32(11),
  eventTime: uint64(12),
  encryptionKeys: repeated(embedded(13, encryptionKey)),
  encryptionAlgo: string(14),
  encryptionParam: bytes(15),
  schemaVersion: bytes(16),
  partitionKeyB64Encoded: bool(17),
  orderingKey: bytes(18),
  markerType: int32(20),
  nullValue: bool(25),
  uuid: string(26),
  numChunks: int32(27),
  totalChunkSize: int32(28),
  chunkId: int32(29),
  nullPartitionKey: bool(30),
});

export type EntryMetadata = Decoded<typeof entryMetadata>;

export const singleMetadata = messageType({
  properties: repeated(embedded(1, keyValue)),
  partitionKey: string(2),
  payloadSize: int32(3),
  compactedOut: bool(4),
  eventTime: uint64(5),
  partitionKeyB64Encoded: bool(6),
  orderingKey: bytes(7),
  nullValue: bool(9),
  nullPartitionKey: bool(10),
});

export type SingleMetadata = Decoded<typeof singleMetadata>;
