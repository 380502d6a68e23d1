/**
 * A small protobuf codec for the commands that are rare: a message is a table of fields, and its TypeScript type follows
 * from the table. What travels with every message has hand-written code instead (entry, message, message-command, frames).
 */

import type { ProtobufReader } from "./protobuf-reader.ts";
import { MalformedError, ProtobufReader as Reader } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** More elements of one list are not read: each becomes an object, and a frame holds millions of empty ones. */
const MOST_ELEMENTS = 200_000;

interface AnyField {
  readonly number: number;
  readonly wireType: 0 | 2;
  readonly repeated: boolean;
}

export interface Field<T> extends AnyField {
  write(writer: ProtobufWriter, value: T): void;
  read(reader: ProtobufReader): T;
}

export interface Repeated<T> extends Field<T> {
  readonly repeated: true;
}

type ValueOf<F> = F extends Repeated<infer T> ? readonly T[] : F extends Field<infer T> ? T : never;

/** Every field is optional: a peer may leave out anything. */
export type Message<F> = { readonly [K in keyof F]?: ValueOf<F[K]> | undefined };

export interface MessageType<F> {
  write(writer: ProtobufWriter, value: Message<F>): void;
  encode(value: Message<F>): Buffer;
  /** @throws MalformedError */
  decode(bytes: Buffer, start?: number, end?: number): Message<F>;
}

export type Decoded<T> = T extends MessageType<infer F> ? Message<F> : never;

const scalar =
  <T>(wireType: 0 | 2, write: (writer: ProtobufWriter, value: T) => void, read: (reader: ProtobufReader) => T) =>
  (number: number): Field<T> => ({ number, wireType, repeated: false, write, read });

/** uint32 and uint64, exact up to 2^53. */
export const uint = scalar<number>(
  0,
  (writer, value) => writer.varint(value),
  (reader) => reader.varint(),
);
/** uint64 to its last digit, as {@link ProtobufReader.uint64}. */
export const uint64 = scalar<number | bigint>(
  0,
  (writer, value) => (typeof value === "bigint" ? writer.uint64(value) : writer.varint(value)),
  (reader) => reader.uint64(),
);
/** int32 and enumerations. */
export const int32 = scalar<number>(
  0,
  (writer, value) => writer.int32(value),
  (reader) => reader.int32(),
);
export const bool = scalar<boolean>(
  0,
  (writer, value) => writer.varint(value ? 1 : 0),
  (reader) => reader.int32() !== 0,
);
export const string = scalar<string>(
  2,
  (writer, value) => writer.string(value),
  (reader) => reader.string(),
);
export const bytes = scalar<Uint8Array>(
  2,
  (writer, value) => writer.lengthDelimited(value),
  (reader) => reader.copy(),
);

export function embedded<F>(number: number, type: MessageType<F>): Field<Message<F>> {
  return {
    number,
    wireType: 2,
    repeated: false,
    write: (writer, value) => writer.lengthDelimited(type.encode(value)),
    read(reader) {
      const length = reader.length();
      const start = reader.position;
      reader.position += length;
      return type.decode(reader.bytes, start, start + length);
    },
  };
}

export function repeated<T>(field: Field<T>): Repeated<T> {
  return { ...field, repeated: true };
}

/** A message type from its table of fields. Unknown fields are passed over. */
export function messageType<F extends Readonly<Record<string, AnyField>>>(fields: F): MessageType<F> {
  const entries = Object.entries(fields as unknown as Readonly<Record<string, Field<unknown>>>);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  const writeField = (writer: ProtobufWriter, field: Field<unknown>, value: unknown): void => {
    writer.tag(field.number, field.wireType);
    field.write(writer, value);
  };
  const write = (writer: ProtobufWriter, value: Message<F>): void => {
    for (const [name, field] of entries) {
      const content = (value as Readonly<Record<string, unknown>>)[name];
      if (content === undefined) continue;
      if (field.repeated) for (const element of content as readonly unknown[]) writeField(writer, field, element);
      else writeField(writer, field, content);
    }
  };
  return {
    write,
    encode(value) {
      const writer = new ProtobufWriter();
      write(writer, value);
      return writer.finish();
    },
    decode(source, start = 0, end = source.length) {
      const reader = new Reader().over(source, start, end);
      const result: Record<string, unknown> = {};
      while (reader.position < reader.end) {
        const tag = reader.varint();
        const known = byNumber.get(Math.floor(tag / 8));
        if (known === undefined || known.field.wireType !== tag % 8) {
          reader.skip(tag % 8);
          continue;
        }
        const value = known.field.read(reader);
        if (!known.field.repeated) result[known.name] = value;
        else {
          const list = result[known.name];
          if (!Array.isArray(list)) result[known.name] = [value];
          else if (list.push(value) > MOST_ELEMENTS) {
            throw new MalformedError(`more than ${MOST_ELEMENTS} ${known.name}`);
          }
        }
      }
      return result as Message<F>;
    },
  };
}
