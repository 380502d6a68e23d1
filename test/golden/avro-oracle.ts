/** AVRO values by the library avsc, as exact JSON: what our own decoder is compared with. */
import avro from "avsc";
import { ExactNumber } from "./exact-json.ts";

/** 64 bits, exact. */
const LONG = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === "bigint",
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

interface LogicalSchema {
  readonly precision?: number;
  readonly scale?: number;
}

class Decimal extends avro.types.LogicalType {
  readonly #scale: number;
  constructor(schema: avro.Schema, options?: object) {
    super(schema, options);
    this.#scale = (schema as LogicalSchema).scale ?? 0;
  }
  protected override _fromValue(bytes: Buffer): ExactNumber {
    const value = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString("hex")}`));
    return new ExactNumber(`${value}e-${this.#scale}`);
  }
  protected override _toValue(): undefined {
    return undefined;
  }
}

class Uuid extends avro.types.LogicalType {
  protected override _fromValue(value: Buffer | string): string {
    if (typeof value === "string") return value;
    const hex = value.toString("hex");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }
  protected override _toValue(): undefined {
    return undefined;
  }
}

/** avsc's types, as far as its declarations leave them out. */
interface AvroType extends avro.Type {
  readonly fields: readonly { readonly name: string; readonly type: AvroType }[];
  readonly itemsType: AvroType;
  readonly valuesType: AvroType;
  readonly types: readonly AvroType[];
}

export function avroType(definition: string, withLogicalTypes = true): avro.Type {
  const logicalTypes: Record<string, typeof avro.types.LogicalType> = withLogicalTypes
    ? { decimal: Decimal, uuid: Uuid }
    : {};
  return avro.Type.forSchema(
    JSON.parse(definition) as avro.Schema,
    {
      registry: { long: LONG },
      wrapUnions: true,
      logicalTypes,
    } as unknown as Parameters<typeof avro.Type.forSchema>[1],
  );
}

/** @throws Error when `payload` does not hold a value of the schema; bytes after it do not count */
export function decodeAvroExact(definition: string, payload: Buffer): unknown {
  const type = avroType(definition);
  const { value, offset } = type.decode(payload, 0) as { value: unknown; offset: number };
  if (offset < 0) throw new Error("truncated");
  return exact(type as AvroType, value);
}

/** The value as our formats are to write it. */
export function exact(type: AvroType | avro.Type, value: unknown): unknown {
  const known = type as AvroType;
  switch (known.typeName) {
    case "record":
    case "error":
      return Object.fromEntries(
        known.fields.map(({ name, type: field }) => [name, exact(field, (value as Record<string, unknown>)[name])]),
      );
    case "array":
      return (value as unknown[]).map((item) => exact(known.itemsType, item));
    case "map":
      return Object.fromEntries(
        Object.entries(value as object).map(([name, item]) => [name, exact(known.valuesType, item)]),
      );
    case "union:wrapped":
      return exactBranch(known, value);
    case "int":
    case "abstract:long":
    case "long":
      return new ExactNumber(String(value));
    case "float":
    case "double":
      return exactFloat(value as number, known.typeName === "float");
    case "bytes":
    case "fixed":
      return (value as Buffer).toString("base64");
    default:
      return value;
  }
}

function exactBranch(union: AvroType, value: unknown): unknown {
  if (value === null) return null;
  const [name, item] = Object.entries(value as object)[0] ?? [];
  const branch = union.types.find((type) => (type as { branchName?: string }).branchName === name);
  if (branch === undefined) throw new Error(`no branch ${name}`);
  return exact(branch, item);
}

/** Shortest digits: right wherever Java's do not differ from them. */
function exactFloat(value: number, is32Bit: boolean): unknown {
  if (!Number.isFinite(value)) return String(value);
  if (!is32Bit) return new ExactNumber(String(value));
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return new ExactNumber(text);
  }
  throw new Error("a float has at most 9 digits");
}
