/** AVRO values by the library avsc, as exact JSON: what our own decoder is compared with. */
import avro from "avsc";
import { BinaryNumber, ExactNumber } from "./exact-json.ts";

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
  /** Of a fixed, in bytes. */
  readonly size?: number;
}

class Decimal extends avro.types.LogicalType {
  readonly #scale: number;
  constructor(schema: avro.Schema, options?: object) {
    super(schema, options);
    const { precision = 0, scale = 0, size = Number.POSITIVE_INFINITY } = schema as LogicalSchema;
    const inRange = precision > 0 && scale >= 0 && scale <= precision && 10 ** precision <= 2 ** (8 * size - 1);
    if (!inRange) throw new Error("no decimal by AVRO's rules, so plain bytes");
    this.#scale = scale;
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
    if (value.length !== 16) return value.toString("base64");
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
  // The library takes neither the names of Java's inner classes nor defaults of logical types, which decoding needs not.
  const schema = JSON.parse(definition.replaceAll("$", "_"), (name, value: unknown) =>
    name === "default" ? undefined : value,
  ) as avro.Schema;
  return avro.Type.forSchema(schema, {
    typeHook: (schema: unknown) => (isLong(schema) ? LONG : undefined),
    wrapUnions: true,
    logicalTypes,
  } as unknown as Parameters<typeof avro.Type.forSchema>[1]);
}

function isLong(schema: unknown): boolean {
  return schema === "long" || (typeof schema === "object" && (schema as { type?: unknown } | null)?.type === "long");
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

function exactFloat(value: number, is32Bit: boolean): unknown {
  return Number.isFinite(value) ? new BinaryNumber(value, is32Bit ? 9 : 17) : String(value);
}
