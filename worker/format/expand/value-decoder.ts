/** What turns a message's payload into JSON, by its schema. */
import type { Message, SchemaInfo } from "../../source/source.ts";
import { PoisonError } from "../format.ts";
import { JsonDocument } from "../json/document.ts";
import type { DecodeValue, JsonWriter } from "../json/writer.ts";
import { compileAvro } from "./avro/schema.ts";
import { refuseTooComplex } from "./decoder-bytes.ts";
import { splitKeyValueSchema, writeKeyValue } from "./key-value.ts";
import { primitiveDecoder } from "./primitive.ts";

/** Writes the value of one message; throws PoisonError. */
export interface MessageDecoder {
  /** A tombstone has no value, except where the message's key is a part of it. */
  readonly decodesTombstones: boolean;
  write(writer: JsonWriter, message: Message): void;
}

/** Without a schema a payload is bytes. */
export const BYTES_DECODER: MessageDecoder = {
  decodesTombstones: false,
  write: (writer, { payload }) => writer.base64(payload, 0, payload.length),
};

/** Never rejects: with a schema that cannot be used, every message is poison. */
export async function messageDecoder(schema: SchemaInfo): Promise<MessageDecoder> {
  try {
    refuseTooComplex(schema);
    return schema.type === "KEY_VALUE" ? await keyValueDecoder(schema) : valueOnly(await valueDecoder(schema));
  } catch (error) {
    const poison =
      error instanceof PoisonError
        ? error
        : new PoisonError("UnsupportedSchema", `The ${schema.type} schema of the message cannot be compiled.`);
    return poisonDecoder(poison);
  }
}

/** Every message is poison, for the reason given. A new error each time: each has its own stack and owner. */
export function poisonDecoder({ code, message }: PoisonError): MessageDecoder {
  return {
    decodesTombstones: false,
    write() {
      throw new PoisonError(code, message);
    },
  };
}

function valueOnly(decode: DecodeValue): MessageDecoder {
  return { decodesTombstones: false, write: (writer, { payload }) => decode(writer, payload) };
}

async function keyValueDecoder(schema: SchemaInfo): Promise<MessageDecoder> {
  const { separated, key, value } = splitKeyValueSchema(schema);
  const decodeKey = await valueDecoder(key);
  const decodeValue = await valueDecoder(value);
  return {
    decodesTombstones: separated,
    write: (writer, message) => writeKeyValue(writer, message, separated, decodeKey, decodeValue),
  };
}

/** Loaded with the first schema that needs it: few topics have one, and it takes megabytes. */
const protobuf = (): Promise<typeof import("./protobuf/schema.ts")> => import("./protobuf/schema.ts");

async function valueDecoder(schema: SchemaInfo): Promise<DecodeValue> {
  const definition = (): string => Buffer.from(schema.data).toString("utf8");
  switch (schema.type) {
    case "JSON": {
      const document = new JsonDocument();
      return (writer, payload) => document.write(writer, payload);
    }
    case "AVRO":
      return compileAvro(definition());
    case "PROTOBUF":
      return (await protobuf()).compileProtobuf(definition(), schema.properties);
    case "PROTOBUF_NATIVE":
      return (await protobuf()).compileProtobufNative(definition());
    case "NONE":
      return primitiveDecoder("BYTES") ?? unsupported(schema.type);
    default:
      return primitiveDecoder(schema.type) ?? unsupported(schema.type);
  }
}

function unsupported(type: string): never {
  throw new PoisonError(
    "UnsupportedSchema",
    `Messages with a ${type} schema cannot be expanded; choose another messageFormat.`,
  );
}
