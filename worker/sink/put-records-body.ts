import type { PutRecordsInput } from "@aws-sdk/client-kinesis";

/**
 * The JSON 1.1 body of PutRecords, written straight into one buffer: the SDK's own way through schemas, base64 copies
 * and JSON.stringify costs several times as much.
 */
export function encodePutRecords(input: PutRecordsInput): Buffer {
  const { StreamName, StreamARN, Records = [] } = input;
  const head = `{${nameMember("StreamARN", StreamARN)}${nameMember("StreamName", StreamName)}"Records":[`;
  if (Records.length === 0) return Buffer.from(`${head}]}`);
  const prefix = `${head}{"Data":"`;
  const tails = new Array<string>(Records.length);
  let size = prefix.length;
  for (let index = 0; index < Records.length; index++) {
    const record = Records[index];
    if (record?.Data === undefined) throw new TypeError(`record ${index} has no data`);
    const tail = recordTail(record.PartitionKey ?? "", record.ExplicitHashKey, index === Records.length - 1);
    tails[index] = tail;
    size += base64Length(record.Data.length) + tail.length;
  }
  const body = Buffer.allocUnsafeSlow(size);
  let at = body.write(prefix, 0, "latin1");
  for (let index = 0; index < Records.length; index++) {
    const data = Records[index]?.Data;
    if (data === undefined) continue;
    const view = Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    at += body.write(view.toString("base64"), at, "latin1");
    at += body.write(tails[index] ?? "", at, "latin1");
  }
  return body;
}

function nameMember(name: string, value: string | undefined): string {
  return value === undefined ? "" : `"${name}":${asciiJson(value)},`;
}

/** What follows a record's data, up to the next record's data: one write for both. */
function recordTail(partitionKey: string, explicitHashKey: string | undefined, last: boolean): string {
  const hash = explicitHashKey === undefined ? "" : `,"ExplicitHashKey":${asciiJson(explicitHashKey)}`;
  return `","PartitionKey":${asciiJson(partitionKey)}${hash}${last ? "}]}" : '},{"Data":"'}`;
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Printable ASCII without quotation mark and backslash. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A JSON string of ASCII characters alone, so that one character is one byte. */
function asciiJson(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
