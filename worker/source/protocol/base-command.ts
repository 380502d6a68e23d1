import { Command } from "./commands.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

/** Where the parts of a BaseCommand are; one object that is used again for every frame. -1 for what is not there. */
export interface BaseCommand {
  type: number;
  bodyStart: number;
  bodyEnd: number;
}

/** BaseCommand: its type, and the message of that same field number. @throws MalformedError */
export function parseBaseCommand(reader: ProtobufReader, command: BaseCommand): void {
  command.type = -1;
  command.bodyStart = -1;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === 8) command.type = reader.varint();
    else if ((tag & 7) === 2) {
      const length = reader.length();
      if (command.type < 0 || tag >>> 3 === command.type) {
        command.bodyStart = reader.position;
        command.bodyEnd = reader.position + length;
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

/** The id of the request that a command answers, -1 when it names none; null when the command is no answer. */
export function answeredRequest(command: number, body: Buffer): number | null {
  const field = REQUEST_ID_FIELDS[command];
  if (field === undefined) return null;
  const reader = new ProtobufReader().over(body, 0, body.length);
  let id = -1;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === field * 8) id = reader.varint();
    else reader.skip(tag & 7);
  }
  return id;
}
