import { createHash } from "node:crypto";

/** A user record inside an aggregate. */
export interface SubRecord {
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
  readonly data: Buffer;
}

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const MD5_BYTES = 16;

/** The sub-records of a KPL aggregate; null for a record that is none (as the KCL decides: magic bytes and checksum). */
export function decodeAggregate(record: Buffer): SubRecord[] | null {
  if (record.length < MAGIC.length + MD5_BYTES || !record.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const message = record.subarray(MAGIC.length, record.length - MD5_BYTES);
  if (
    !createHash("md5")
      .update(message)
      .digest()
      .equals(record.subarray(record.length - MD5_BYTES))
  )
    return null;
  const keys: string[] = [];
  const hashKeys: string[] = [];
  const records: Buffer[] = [];
  for (const [field, value] of fields(message)) {
    if (!Buffer.isBuffer(value)) throw new Error(`field ${field} of an aggregate is a number`);
    if (field === 1) keys.push(value.toString());
    else if (field === 2) hashKeys.push(value.toString());
    else if (field === 3) records.push(value);
  }
  return records.map((bytes) => decodeRecord(bytes, keys, hashKeys));
}

function decodeRecord(bytes: Buffer, keys: readonly string[], hashKeys: readonly string[]): SubRecord {
  const values = new Map(fields(bytes));
  const [keyIndex, hashIndex, data] = [values.get(1), values.get(2), values.get(3)];
  const partitionKey = typeof keyIndex === "number" ? keys[keyIndex] : undefined;
  if (partitionKey === undefined || !Buffer.isBuffer(data)) throw new Error("a sub-record has no key or no data");
  return { partitionKey, explicitHashKey: typeof hashIndex === "number" ? hashKeys[hashIndex] : undefined, data };
}

/** Field number and value of each field of a protobuf message: varints as numbers, the rest as bytes. */
function* fields(message: Buffer): Generator<[number, number | Buffer]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++];
      if (byte === undefined || shift > 42) throw new Error("a varint is cut off");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const value = varint();
    if ((tag & 7) === 0) {
      yield [tag >>> 3, value];
    } else if ((tag & 7) === 2) {
      if (at + value > message.length) throw new Error("a field is cut off");
      yield [tag >>> 3, message.subarray(at, at + value)];
      at += value;
    } else {
      throw new Error(`unexpected wire type ${tag & 7}`);
    }
  }
}
