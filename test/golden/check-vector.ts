/** Runs one vector through our formats and compares the result with what it has to be. */
import assert from "node:assert/strict";
import { createFormat } from "../../worker/format/create.ts";
import { PoisonError } from "../../worker/format/format.ts";
import { partitionKey } from "../../worker/format/partition-key.ts";
import { recordOf } from "../worker/format/message.ts";
import { parseExact, readBinaryNumbers } from "./exact-json.ts";
import { readFbMessage } from "./fb-reader.ts";
import { isBetterOnPurpose, ownDocument, ownEnvelope } from "./own-result.ts";
import { messageOfVector, schemaOf, type Vector } from "./vector.ts";

const VERSION = Buffer.from("0000000000000001", "hex");

/** @throws AssertionError that shows the difference */
export async function checkVector(vector: Vector): Promise<void> {
  checkPartitionKey(vector);
  let record: Buffer;
  try {
    record = await encode(vector);
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    assert.ok(mustBePoison(vector), `unexpected poison: ${error.code}: ${error.message}`);
    return;
  }
  switch (vector.messageFormat) {
    case "ONLY_RAW_PAYLOAD":
      return assert.equal(record.toString("base64"), vector.message.payloadBase64);
    case "FULL_MESSAGE_IN_FB":
      return checkFlatBuffer(vector, record);
    case "FULL_MESSAGE_IN_JSON":
      return assert.deepEqual(parseExact(record.toString()), expectedEnvelope(vector));
    default:
      return checkDocument(record.toString(), expectedDocument(vector));
  }
}

async function encode(vector: Vector): Promise<Buffer> {
  const { schema, message } = vector;
  const format = createFormat(
    { messageFormat: vector.messageFormat, ...vector.options },
    { schema: async () => (schema === null ? null : schemaOf(schema)) },
  );
  const input = messageOfVector(vector, schema === null ? null : VERSION);
  await format.prepare({
    assignment: { topic: message.topic, epoch: 1, active: true, answeredAt: 0 },
    messages: [input],
    retainedBytes: 0,
    redeliveryCount: 0,
  });
  return recordOf(format, input, message.topic);
}

function checkPartitionKey(vector: Vector): void {
  const { topic, key } = vector.message;
  const { partitionKey: text, partitionKeyUtf8Base64 } = vector.expected;
  const expected = text ?? (key === "" ? topic : null);
  if (expected === null) return;
  const bytes = partitionKeyUtf8Base64 ?? Buffer.from(expected).toString("base64");
  const actual = partitionKey(messageOfVector(vector, null), topic);
  assert.equal(Buffer.from(actual).toString("base64"), bytes, "partition key");
}

/** What Pulsar's client and AVRO throw when a payload does not fit its schema, or the schema is none. */
const MISFITS = [
  /^org\.apache\.pulsar\.client\.api\.SchemaSerializationException:/,
  /^org\.apache\.avro\./,
  /^java\.lang\.UnsupportedOperationException: Cannot read \w+ larger than/,
];

/** The Java sink threw, and the rules have nothing better. */
function mustBePoison(vector: Vector): boolean {
  const { error } = vector.expected;
  if (error === undefined) return false;
  if (MISFITS.some((misfit) => misfit.test(`${error.class}: ${error.message}`))) return true;
  try {
    ownDocument(vector);
    return false;
  } catch {
    return true;
  }
}

function recorded({ expected }: Vector): Buffer {
  return Buffer.from(expected.dataBase64 ?? "", "base64");
}

function expectedEnvelope(vector: Vector): unknown {
  if (vector.expected.error === undefined) return parseExact(recorded(vector).toString());
  return ownEnvelope(vector);
}

function checkDocument(text: string, expected: unknown): void {
  assert.deepEqual(readBinaryNumbers(parseExact(text), expected), expected);
}

function checkFlatBuffer(vector: Vector, record: Buffer): void {
  const { expected, message } = vector;
  if (expected.error === undefined) {
    assert.deepEqual(readFbMessage(record), readFbMessage(recorded(vector)));
    return;
  }
  const { payload, properties } = readFbMessage(record) as Record<string, unknown>;
  assert.deepEqual(
    [payload, new Map(properties as [string, string][])],
    [message.payloadBase64, new Map(message.properties)],
  );
}

function expectedDocument(vector: Vector): unknown {
  if (vector.expected.error !== undefined || isBetterOnPurpose(vector)) return ownDocument(vector);
  // Recorded flattened documents may hold raw control characters, which no parser takes.
  const text = recorded(vector)
    .toString()
    .replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
  return parseExact(text);
}
