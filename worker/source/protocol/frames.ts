import { crc32c } from "@node-rs/crc32";
import { Command } from "./commands.ts";
import type { Message, MessageType } from "./field-table.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

const CHECKSUM = 0x0e01;

/** A frame that holds one command: `[total u32][command u32][BaseCommand]`. */
export function commandFrame<F>(command: number, type: MessageType<F>, value: Message<F>): Buffer {
  const body = type.encode(value);
  const writer = new ProtobufWriter(body.length + 24);
  writer.position = 8;
  writeCommand(writer, command, body);
  return withSizes(writer);
}

/** A SEND frame: the command, the checksum, the metadata and the payload, as one list of buffers to write in order. */
export function sendFrame(sendCommand: Uint8Array, metadata: Uint8Array, payload: Uint8Array): [Buffer, Uint8Array] {
  const writer = new ProtobufWriter(sendCommand.length + metadata.length + 64);
  writer.position = 8;
  writeCommand(writer, Command.SEND, sendCommand);
  const commandSize = writer.position - 8;
  const magic = writer.position;
  writer.ensure(10 + metadata.length);
  writer.bytes.writeUInt16BE(CHECKSUM, magic);
  writer.position = magic + 6;
  writer.uint32(metadata.length);
  writer.raw(metadata);
  const { bytes, position } = writer;
  bytes.writeUInt32BE(crc32c(payload, crc32c(bytes.subarray(magic + 6, position))), magic + 2);
  bytes.writeUInt32BE(position - 4 + payload.length, 0);
  bytes.writeUInt32BE(commandSize, 4);
  return [bytes.subarray(0, position), payload];
}

/** Tells the broker that `permits` more messages are welcome. Written by hand: it goes out every few entries. */
export function flowFrame(consumerId: number, permits: number): Buffer {
  const body = new ProtobufWriter(16);
  body.tag(1, 0);
  body.varint(consumerId);
  body.tag(2, 0);
  body.varint(permits);
  const writer = new ProtobufWriter(32);
  writer.position = 8;
  writeCommand(writer, Command.FLOW, body.bytes.subarray(0, body.position));
  return withSizes(writer);
}

export const AckType = { Individual: 0, Cumulative: 1 } as const;

/** Acknowledges whole entries: `ids` are pairs of ledger and entry. */
export function ackFrame(consumerId: number, ackType: number, ids: readonly number[], requestId: number): Buffer {
  const body = new ProtobufWriter(24 + ids.length * 11);
  body.tag(1, 0);
  body.varint(consumerId);
  body.tag(2, 0);
  body.varint(ackType);
  for (let index = 0; index < ids.length; index += 2) {
    body.tag(3, 2);
    const lengthAt = body.position;
    // An id is two tags and two varints: shorter than 128 bytes, so its length takes one byte.
    body.ensure(24);
    body.position += 1;
    body.tag(1, 0);
    body.varint(ids[index] as number);
    body.tag(2, 0);
    body.varint(ids[index + 1] as number);
    body.bytes[lengthAt] = body.position - lengthAt - 1;
  }
  body.tag(8, 0);
  body.varint(requestId);
  const writer = new ProtobufWriter(body.position + 24);
  writer.position = 8;
  writeCommand(writer, Command.ACK, body.bytes.subarray(0, body.position));
  return withSizes(writer);
}

function writeCommand(writer: ProtobufWriter, command: number, body: Uint8Array): void {
  writer.tag(1, 0);
  writer.varint(command);
  writer.tag(command, 2);
  writer.lengthDelimited(body);
}

/** Fills in the two sizes in front of the command, which nothing follows. */
function withSizes(writer: ProtobufWriter): Buffer {
  writer.bytes.writeUInt32BE(writer.position - 4, 0);
  writer.bytes.writeUInt32BE(writer.position - 8, 4);
  return writer.bytes.subarray(0, writer.position);
}
