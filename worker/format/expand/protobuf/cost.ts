/**
 * What the objects take that protobufjs makes of a message, told from its bytes before they are made: two bytes can stand
 * for an object with a hundred lists.
 */
import protobuf from "protobufjs";
import { PoisonError } from "../../format.ts";

/** Bytes; twice what a sound message takes whose document has the 10 MiB that a stream accepts at most. */
const MAX_OBJECT_BYTES = 64 << 20;
/** Measured on Node.js 24, rounded up. A list grows by half, and its predecessor is still there then. */
const OBJECT = 40;
const FIELD = 8;
const EMPTY_LIST = 48;
const ITEM = 16;
const LONG = 48;
const TEXT = 24;
const VIEW = 112;
const MAP_ENTRY = 112;
/** What one wire byte costs at most, less its share of a message. */
const MOST_PER_BYTE = 64;

const MAX_DEPTH = 100;

interface FieldCost {
  /** Of one value, wherever it is kept, and of each of its bytes. */
  readonly value: number;
  readonly perByte: number;
  /** A list that may be packed: bytes of one item, 0 for a varint; null for what is never packed. */
  readonly packed: number | null;
  /** The type of a message, or of a map's entry. */
  readonly inner: TypeCost | null;
}

class TypeCost {
  message = OBJECT;
  readonly fields = new Map<number, FieldCost>();
}

/** Counts what messages of one schema take. */
export class ObjectCost {
  readonly #types = new Map<protobuf.Type, TypeCost>();
  #largest = OBJECT;
  #bytes = 0;
  #spent = 0;
  readonly #reader = protobuf.Reader.create(Buffer.alloc(0));

  /** The next message of a topic begins. */
  reset(): void {
    this.#bytes = 0;
    this.#spent = 0;
  }

  /**
   * Adds what `bytes` become. Malformed ones count as far as they can be read: to decode them fails there.
   * @throws PoisonError RecordTooLarge when the message takes too much
   */
  charge(type: protobuf.Type, bytes: Uint8Array): void {
    const cost = this.#costOf(type);
    this.#bytes += bytes.length + 2;
    // A message takes two bytes at least.
    if (this.#bytes * (this.#largest / 2 + MOST_PER_BYTE) <= MAX_OBJECT_BYTES) return;
    const reader = this.#reader;
    reader.buf = bytes;
    reader.pos = 0;
    reader.len = bytes.length;
    try {
      this.#message(reader, cost, bytes.length, 0);
    } catch (error) {
      if (error instanceof PoisonError) throw error;
    }
  }

  #add(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent > MAX_OBJECT_BYTES) {
      throw new PoisonError(
        "RecordTooLarge",
        "The protobuf message has so many values that decoding it takes more than 64 MiB of memory; choose another messageFormat or smaller messages.",
      );
    }
  }

  /** @param end 0: the message is a group, which ends by its own mark */
  #message(reader: protobuf.Reader, { message, fields }: TypeCost, end: number, depth: number): void {
    this.#add(message);
    while (end === 0 ? reader.pos < reader.len : reader.pos < end) {
      const tag = reader.uint32();
      const wire = tag & 7;
      if (wire === 4) return;
      const field = fields.get(tag >>> 3);
      if (field === undefined) reader.skipType(wire, depth);
      else this.#field(reader, field, wire, depth);
    }
  }

  #field(reader: protobuf.Reader, field: FieldCost, wire: number, depth: number): void {
    this.#add(field.value);
    const { inner, packed, perByte } = field;
    if (inner !== null && depth < MAX_DEPTH && (wire === 2 || wire === 3)) {
      const end = wire === 2 ? reader.uint32() + reader.pos : 0;
      this.#message(reader, inner, end, depth + 1);
    } else if (wire === 2) {
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new RangeError("the message ends too early");
      this.#add((end - reader.pos) * perByte);
      if (packed !== null) this.#add(field.value * itemsOf(reader, end, packed));
      reader.pos = end;
    } else reader.skipType(wire, depth);
  }

  #costOf(type: protobuf.Type): TypeCost {
    const known = this.#types.get(type);
    if (known !== undefined) return known;
    const cost = new TypeCost();
    this.#types.set(type, cost);
    for (const field of type.fieldsArray) {
      cost.message += field.map || field.repeated ? FIELD + EMPTY_LIST : FIELD;
      cost.fields.set(field.id, field.map ? this.#mapCost(field) : this.#fieldCost(field, field.repeated));
    }
    this.#largest = Math.max(this.#largest, cost.message);
    return cost;
  }

  #fieldCost(field: protobuf.Field, inList: boolean): FieldCost {
    const inner = field.resolvedType instanceof protobuf.Type ? this.#costOf(field.resolvedType) : null;
    const type = field.resolvedType instanceof protobuf.Enum ? "int32" : field.type;
    const perByte = type === "string" ? 2 : 0;
    const own = type === "string" ? TEXT : type === "bytes" ? VIEW : type.endsWith("64") ? LONG : 0;
    const packable = inList && inner === null && type !== "string" && type !== "bytes";
    const packed = packable ? widthOf(type) : null;
    return { value: own + (inList ? ITEM : 0), perByte, packed, inner };
  }

  #mapCost(field: protobuf.Field): FieldCost {
    const entry = new TypeCost();
    entry.message = MAP_ENTRY;
    entry.fields.set(1, { value: 0, perByte: 2, packed: null, inner: null });
    entry.fields.set(2, this.#fieldCost(field, false));
    return { value: 0, perByte: 0, packed: null, inner: entry };
  }
}

function widthOf(type: string): number {
  if (type === "double" || type.endsWith("fixed64")) return 8;
  return type === "float" || type.endsWith("fixed32") ? 4 : 0;
}

function itemsOf(reader: protobuf.Reader, end: number, width: number): number {
  if (width > 0) return (end - reader.pos) / width;
  let items = 0;
  for (let at = reader.pos; at < end; at++) if ((reader.buf[at] as number) < 0x80) items++;
  return items;
}
