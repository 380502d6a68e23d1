import { LARGEST_BATCH } from "./decoded-entry.ts";
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

/** No batch that is read reaches further, in words of 32 bits; what a broker writes beyond is passed over. */
const MOST_WORDS = Math.ceil(LARGEST_BATCH / 32);

/** @throws MalformedError */
export function parseMessageCommand(reader: ProtobufReader, command: MessageCommand): void {
  command.consumerId = -1;
  command.ledger = -1;
  command.entry = -1;
  command.redeliveryCount = 0;
  command.ackSet = null;
  let words: number[] | null = null;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === 8) command.consumerId = reader.varint();
    else if (tag === 18) parseMessageId(reader, command);
    else if (tag === 24) command.redeliveryCount = reader.int32();
    else if (tag === 32 || tag === 34) {
      words ??= [];
      readWords(reader, tag, words);
    } else reader.skip(tag & 7);
  }
  command.ackSet = words;
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
function readWords(reader: ProtobufReader, tag: number, words: number[]): void {
  const end = (tag & 7) === 0 ? reader.position + 1 : reader.length() + reader.position;
  while (reader.position < end) {
    if (words.length < MOST_WORDS) reader.words(words);
    else reader.varint();
  }
}
