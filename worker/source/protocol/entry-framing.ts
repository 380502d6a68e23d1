import { crc32c } from "@node-rs/crc32";
import { MalformedError } from "./protobuf-reader.ts";

/** Magic numbers in front of the broker's own metadata, and of the checksum. */
const BROKER_ENTRY_METADATA = 0x0e02;
const CHECKSUM = 0x0e01;

/**
 * Where the size of an entry's metadata is, in what follows the command of its frame:
 * `[broker metadata][checksum][metadata size u32][metadata][payload]`, the first two only behind their magic numbers.
 * @param check whether the checksum must match
 * @throws MalformedError
 */
export function metadataSizeAt(bytes: Buffer, start: number, end: number, check: boolean): number {
  let position = start;
  if (end - position >= 6 && bytes.readUInt16BE(position) === BROKER_ENTRY_METADATA) {
    position += 6 + bytes.readUInt32BE(position + 2);
  }
  if (end - position >= 6 && bytes.readUInt16BE(position) === CHECKSUM) {
    const expected = bytes.readUInt32BE(position + 2);
    position += 6;
    if (check && crc32c(bytes.subarray(position, end)) !== expected)
      throw new MalformedError("the checksum does not match");
  }
  if (end - position < 4) throw new MalformedError("the entry has no metadata");
  return position;
}
