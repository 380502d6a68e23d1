import type { AckSet } from "./message.ts";
import { MalformedError, type ProtobufReader } from "./protobuf-reader.ts";

/** CommandMessage, read into one object that is used again for every message. */
export interface MessageCommand {
  consumerId: number;
  ledger: number;
  entry: number;
  redeliveryCount: number;
  ackSet: AckSet | null;
}

/** @throws MalformedError */
export function parseMessageCommand(reader: ProtobufReader, command: MessageCommand): void {
  command.consumerId = -1;
  command.ledger = -1;
  command.entry = -1;
  command.redeliveryCount = 0;
  command.ackSet = null;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === 8) command.consumerId = reader.varint();
    else if (tag === 18) parseMessageId(reader, command);
    else if (tag === 24) command.redeliveryCount = reader.int32();
    else if (tag === 32 || tag === 34) command.ackSet = readWords(reader, tag, command.ackSet);
    else reader.skip(tag & 7);
  }
  if (
    !Number.isSafeInteger(command.ledger) ||
    !Number.isSafeInteger(command.entry) ||
    command.ledger < 0 ||
    command.entry < 0
  ) {
    throw new MalformedError("a message without a usable id");
  }
}

function parseMessageId(reader: ProtobufReader, command: MessageCommand): void {
  const end = reader.length() + reader.position;
  while (reader.position < end) {
    const tag = reader.varint();
    if (tag === 8) command.ledger = reader.varint();
    else if (tag === 16) command.entry = reader.varint();
    else reader.skip(tag & 7);
  }
}

/** A repeated int64, packed or not. */
function readWords(reader: ProtobufReader, tag: number, earlier: AckSet | null): AckSet {
  const words = earlier === null ? [] : [...earlier];
  if ((tag & 7) === 0) reader.words(words);
  else {
    const end = reader.length() + reader.position;
    while (reader.position < end) reader.words(words);
  }
  return words;
}
