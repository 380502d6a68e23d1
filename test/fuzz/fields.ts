/** Protobuf messages as trees: what is changed in them still has lengths that fit, and so reaches the code behind. */
import type { Choices } from "./choices.ts";
import { INTERESTING, mutatedBytes } from "./mutations-of-bytes.ts";

export type Value = number | bigint | Buffer | readonly Field[];

export interface Field {
  readonly number: number;
  readonly value: Value;
  /** How often it is written. */
  readonly times?: number;
  /** Each time with other letters at the beginning of its first text. */
  readonly numbered?: boolean;
}

export function field(number: number, value: Value | string): Field {
  return { number, value: typeof value === "string" ? Buffer.from(value) : value };
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** @param most bytes; what is repeated ends there */
export function encoded(fields: readonly Field[], most: number): Buffer {
  let left = most;
  const parts = fields.map((each) => {
    const bytes = encodedField(each, left);
    left = Math.max(0, left - bytes.length);
    return bytes;
  });
  return Buffer.concat(parts);
}

function encodedField({ number, value, times = 1, numbered = false }: Field, most: number): Buffer {
  const unit = encodedOnce(number, value, most);
  const count = Math.max(1, Math.min(times, Math.floor(most / unit.length)));
  if (count === 1) return unit;
  const all = Buffer.alloc(unit.length * count, unit);
  const text = numbered ? firstText(value) : null;
  if (text !== null) {
    const from = unit.indexOf(text);
    for (let index = 0; index < count; index++) writeNumber(all, index * unit.length + from, text.length, index);
  }
  return all;
}

function encodedOnce(number: number, value: Value, most: number): Buffer {
  if (typeof value === "number" || typeof value === "bigint") {
    return Buffer.concat([varint(number * 8), varint(value)]);
  }
  const content = Buffer.isBuffer(value) ? value : encoded(value as readonly Field[], most);
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function firstText(value: Value): Buffer | null {
  if (Buffer.isBuffer(value)) return value.length > 0 ? value : null;
  if (!Array.isArray(value)) return null;
  for (const { value: part } of value as readonly Field[]) {
    const found = firstText(part);
    if (found !== null) return found;
  }
  return null;
}

/** In letters, four bits each. */
function writeNumber(bytes: Buffer, at: number, length: number, value: number): void {
  for (let digit = 0; digit < Math.min(6, length); digit++) bytes[at + digit] = 97 + ((value >>> (4 * digit)) & 15);
}

/** A tree that differs in up to three places. */
export function mutated(fields: readonly Field[], choices: Choices): readonly Field[] {
  let result = fields;
  for (let left = choices.below(4); left > 0; left--) result = mutatedOnce(result, choices);
  return result;
}

function mutatedOnce(fields: readonly Field[], choices: Choices): readonly Field[] {
  if (fields.length === 0) return [anyField(choices)];
  const at = choices.below(fields.length);
  const chosen = fields[at] as Field;
  if (Array.isArray(chosen.value) && choices.chance(0.6)) {
    return fields.with(at, { ...chosen, value: mutatedOnce(chosen.value as readonly Field[], choices) });
  }
  switch (choices.below(7)) {
    case 0:
      return fields.toSpliced(at, 1);
    case 1:
      return fields.with(at, { ...chosen, value: otherValue(chosen.value, choices) });
    case 2:
      return fields.with(at, { ...chosen, times: choices.count(23), numbered: choices.chance(0.5) });
    case 3:
      return fields.toSpliced(at, 0, chosen);
    case 4:
      return fields.with(at, { ...chosen, number: choices.below(32) });
    case 5:
      return fields.toSpliced(at, 0, anyField(choices));
    default:
      return fields.with(at, { ...chosen, value: nested(chosen, choices.magnitude(8)) });
  }
}

function otherValue(value: Value, choices: Choices): Value {
  if (typeof value === "number" || typeof value === "bigint") return choices.pick(INTERESTING);
  if (Buffer.isBuffer(value)) return mutatedBytes(value, choices, 1 << 20);
  return choices.bytes(20);
}

/** The field within itself. */
function nested({ number, value }: Field, depth: number): Value {
  let inner: Value = value;
  for (let level = 0; level < depth; level++) inner = [{ number, value: inner }];
  return inner;
}

function anyField(choices: Choices): Field {
  const number = choices.below(32);
  return { number, value: choices.chance(0.5) ? choices.bytes(12) : choices.pick(INTERESTING) };
}

/** The tree of a message, as far as its bytes look like one; null where they do not. */
export function parsed(bytes: Buffer, depth = 8): readonly Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = readVarint(bytes, at);
    if (tag === null || tag.value < 8n) return null;
    const content = readVarint(bytes, tag.end);
    if (content === null) return null;
    const number = Number(tag.value >> 3n);
    const wireType = Number(tag.value & 7n);
    at = content.end;
    if (wireType === 0) fields.push({ number, value: content.value });
    else if (wireType === 2 && content.value <= bytes.length - at) {
      const inner = bytes.subarray(at, at + Number(content.value));
      at += inner.length;
      fields.push({ number, value: (depth > 0 && inner.length > 1 && parsed(inner, depth - 1)) || Buffer.from(inner) });
    } else return null;
  }
  return fields;
}

function readVarint(bytes: Buffer, from: number): { readonly value: bigint; readonly end: number } | null {
  let value = 0n;
  for (let at = from; at < Math.min(bytes.length, from + 10); at++) {
    const byte = bytes[at] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - from));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return null;
}
