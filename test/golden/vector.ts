/** Recorded inputs and outputs of the Java sink, one JSON object a line, and what they mean to our formats. */
import type { FormatOptions } from "../../worker/format/create.ts";
import type { EncryptionContext, Message, SchemaInfo } from "../../worker/source/source.ts";

export interface Vector {
  readonly name: string;
  readonly group: string;
  readonly messageFormat: FormatOptions["messageFormat"];
  readonly options: { readonly jsonIncludeNonNulls: boolean; readonly jsonFlatten: boolean };
  readonly message: VectorMessage;
  readonly schema: VectorSchema | null;
  readonly expected: VectorResult;
}

export interface VectorMessage {
  readonly topic: string;
  readonly key: string | null;
  readonly keyBase64Encoded?: boolean;
  readonly payloadBase64: string;
  readonly properties: readonly (readonly [string, string])[];
  /** As its digits: it may lie beyond 2^53. */
  readonly eventTime: string | null;
  readonly nullValue?: boolean;
  readonly encryptionContext?: VectorEncryption;
}

export interface VectorEncryption {
  readonly keys: readonly {
    readonly key: string;
    readonly valueBase64: string;
    readonly metadata: readonly (readonly [string, string])[];
  }[];
  readonly paramBase64: string;
  readonly algorithm: string | null;
  readonly compressionType: EncryptionContext["compressionType"];
  readonly uncompressedMessageSize: number | null;
  readonly batchSize: number | null;
}

export interface VectorSchema {
  readonly type: string;
  readonly definition?: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly encoding?: "INLINE" | "SEPARATED";
  readonly keySchema?: VectorSchema;
  readonly valueSchema?: VectorSchema;
  readonly definitionBase64?: string;
}

export interface VectorResult {
  readonly dataBase64?: string;
  readonly text?: string;
  readonly partitionKey?: string;
  readonly partitionKeyUtf8Base64?: string;
  /** The Java sink threw. */
  readonly error?: { readonly class: string; readonly message: string | null };
}

/** The message comes first in a line, and its texts have their quotes escaped. */
const EVENT_TIME = /"eventTime":(-?\d+)/;

export function parseVector(line: string): Vector {
  const vector = JSON.parse(line) as Vector;
  const eventTime = vector.message.eventTime === null ? null : (EVENT_TIME.exec(line)?.[1] ?? null);
  return { ...vector, message: { ...vector.message, eventTime } };
}

export function schemaOf(schema: VectorSchema): SchemaInfo {
  const { definitionBase64, definition } = schema;
  return {
    type: schema.type,
    data: definitionBase64 === undefined ? Buffer.from(definition ?? "") : Buffer.from(definitionBase64, "base64"),
    properties: new Map(Object.entries(schema.properties)),
  };
}

/** @param schemaVersion null for a message without a schema */
export function messageOfVector({ message }: Vector, schemaVersion: Uint8Array | null): Message {
  const eventTime = message.eventTime === null || message.eventTime === "0" ? null : message.eventTime;
  const { encryptionContext } = message;
  const payload = Buffer.from(message.payloadBase64, "base64");
  return {
    entry: {
      publishTime: 0,
      producerName: "golden",
      schemaVersion,
      encryption: encryptionContext === undefined ? null : encryptionOf(encryptionContext),
      defect: null,
    },
    id: "1:1:-1",
    payload,
    payloadBytes: payload.length,
    key: message.key,
    keyIsBase64: message.keyBase64Encoded ?? false,
    orderingKey: null,
    properties: new Map(message.properties),
    eventTime: eventTime === null ? null : eventTimeOf(eventTime),
    isNull: message.nullValue ?? false,
  };
}

function eventTimeOf(digits: string): number | bigint {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

function encryptionOf(context: VectorEncryption): EncryptionContext {
  return {
    keys: context.keys.map(({ key, valueBase64, metadata }) => ({
      name: key,
      key: Buffer.from(valueBase64, "base64"),
      metadata: new Map(metadata),
    })),
    param: Buffer.from(context.paramBase64, "base64"),
    algorithm: context.algorithm,
    compressionType: context.compressionType,
    uncompressedMessageSize: context.uncompressedMessageSize,
    batchSize: context.batchSize,
  };
}
