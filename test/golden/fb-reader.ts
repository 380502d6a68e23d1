/** Reads what FULL_MESSAGE_IN_FB writes, by the field numbers of `message.fbs`; maps and bytes become plain values. */
import { ByteBuffer } from "flatbuffers";

const OFFSET = 4;

/** A table at a place of the buffer. */
interface Table {
  readonly buffer: ByteBuffer;
  readonly at: number;
}

export function readFbMessage(bytes: Uint8Array): object {
  const buffer = new ByteBuffer(Uint8Array.from(bytes));
  const root: Table = { buffer, at: buffer.readInt32(buffer.position()) + buffer.position() };
  return {
    encryptionCtx: readTable(root, 0, (context) => ({
      keys: readEncryptionKeys(context),
      param: readBytes(context, 1),
      algo: readString(context, 2),
      compressionType: readNumber(context, 3, (at) => buffer.readInt8(at)),
      uncompressedMessageSize: readNumber(context, 4, (at) => buffer.readInt32(at)),
      batchSize: readNumber(context, 5, (at) => buffer.readInt32(at)),
      isBatchMessage: readNumber(context, 6, (at) => buffer.readInt8(at)),
    })),
    properties: readKeyValues(root, 1),
    payload: readBytes(root, 2),
  };
}

/** The place of a field's value, 0 when it is absent. */
function fieldAt({ buffer, at }: Table, field: number): number {
  const offset = buffer.__offset(at, OFFSET + field * 2);
  return offset === 0 ? 0 : at + offset;
}

function readTable<T>(table: Table, field: number, read: (table: Table) => T): T | null {
  const at = fieldAt(table, field);
  return at === 0 ? null : read({ buffer: table.buffer, at: table.buffer.__indirect(at) });
}

function readVector<T>(table: Table, field: number, read: (table: Table) => T): T[] | null {
  const { buffer } = table;
  const at = fieldAt(table, field);
  if (at === 0) return null;
  const start = buffer.__vector(at);
  return Array.from({ length: buffer.__vector_len(at) }, (_, index) =>
    read({ buffer, at: buffer.__indirect(start + index * 4) }),
  );
}

function readBytes(table: Table, field: number): string | null {
  const { buffer } = table;
  const at = fieldAt(table, field);
  if (at === 0) return null;
  const start = buffer.__vector(at);
  return Buffer.from(buffer.bytes().subarray(start, start + buffer.__vector_len(at))).toString("base64");
}

function readString(table: Table, field: number): string | null {
  const at = fieldAt(table, field);
  return at === 0 ? null : String(table.buffer.__string(at));
}

function readNumber(table: Table, field: number, read: (at: number) => number): number {
  const at = fieldAt(table, field);
  return at === 0 ? 0 : read(at);
}

/** Maps: the order says nothing, and the last of equal keys counts. */
function readKeyValues(table: Table, field: number): Map<unknown, unknown> {
  return new Map(readVector(table, field, (pair) => [readString(pair, 0), readString(pair, 1)]));
}

function readEncryptionKeys(context: Table): Map<unknown, unknown> {
  return new Map(
    readVector(context, 0, (key) => [
      readString(key, 0),
      { value: readBytes(key, 1), metadata: readKeyValues(key, 2) },
    ]),
  );
}
