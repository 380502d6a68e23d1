/**
 * Floating-point numbers as JSON text, digit for digit what Java 17's `Double.toString` and `Float.toString` find, so
 * that a number is the same decimal as the Java sink's. Java's digits differ from the shortest ones, which JavaScript
 * finds, only for large numbers, powers of two and subnormal ones; all others take the fast way.
 */
import { javaDecimal } from "./decimal.ts";

const MIN_NORMAL_DOUBLE = 2 ** -1022;
const MIN_NORMAL_FLOAT = 2 ** -126;
/** Decimal digits that tell any two 32-bit numbers apart. */
const FLOAT_DIGITS = 9;

/** @returns a JSON number, or the text `"NaN"`, `"Infinity"` or `"-Infinity"` with its quotes */
export function doubleJson(value: number): string {
  const special = specialJson(value, 2 ** 53, MIN_NORMAL_DOUBLE);
  if (special !== null) return special;
  const size = Math.abs(value);
  // A power of two that is not too small has so few digits that all agree on them.
  const agreed = size >= 2 ** -20 || (size >= MIN_NORMAL_DOUBLE && !mayBePowerOf2(size));
  if (agreed && size < 2 ** 53) return String(value);
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const fraction = bits & ((1n << 52n) - 1n);
  const decimal = javaDecimal(fraction, Number((bits >> 52n) & 0x7ffn), { fractionBits: 52, bias: 1023 });
  return (value < 0 ? "-" : "") + decimal;
}

/** As `doubleJson`, with the digits that a 32-bit number needs: 0.1, not 0.10000000149011612. */
export function floatJson(value: number): string {
  const special = specialJson(value, 2 ** 24, MIN_NORMAL_FLOAT);
  if (special !== null) return special;
  const size = Math.abs(value);
  const agreed = size >= 2 ** -9 || (size >= MIN_NORMAL_FLOAT && !mayBePowerOf2(size));
  if (agreed && size < 2 ** 24) return shortestFloat(value);
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  const fraction = bits & 0x7fffff;
  const decimal = javaDecimal(BigInt(fraction), (bits >>> 23) & 0xff, { fractionBits: 23, bias: 127 });
  return (value < 0 ? "-" : "") + decimal;
}

/** Also true for a few neighbours, which costs time only. */
function mayBePowerOf2(size: number): boolean {
  return Number.isInteger(Math.log2(size));
}

function specialJson(value: number, exactBelow: number, minNormal: number): string | null {
  if (!Number.isFinite(value)) return `"${value}"`;
  if (Object.is(value, -0)) return "-0.0";
  if (Number.isInteger(value) && Math.abs(value) < exactBelow) return String(value);
  return Math.abs(value) >= minNormal || value !== 0 ? null : "0";
}

function shortestFloat(value: number): string {
  for (let digits = 1; digits < FLOAT_DIGITS; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return evenOfTie(value, text, digits);
  }
  return value.toPrecision(FLOAT_DIGITS);
}

/** Where two decimals are equally near, Java takes the one that ends in an even digit, JavaScript the larger one. */
function evenOfTie(value: number, text: string, digits: number): string {
  const exact = value.toPrecision(digits + 1);
  if (!exact.endsWith("5") || Number(exact) !== value) return text;
  const lower = exact.slice(0, -1);
  return /[02468]$/.test(lower) ? lower : text;
}
