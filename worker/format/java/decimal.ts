/**
 * The decimal digits by which Java 17 prints a binary floating-point number: the method of Steele and White with the
 * particulars of that release (at least two digits in scientific notation, borders of the interval excluded, the last
 * digits of large integers dropped), which later releases changed.
 */

export interface BinaryLayout {
  /** Stored bits of the fraction: 52 or 23. */
  readonly fractionBits: number;
  readonly bias: number;
}

/** Bits of 5^i, as far as the release's tables go; beyond, it takes 3 bits per power. */
const POWER_OF_5_BITS = [
  0, 3, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33, 35, 38, 40, 42, 45, 47, 49, 52, 54, 56, 59, 61,
];

/** The number is `mantissa × 2^(exponent - mantissaBits + 1)`, with an odd mantissa of `mantissaBits` bits. */
interface Binary {
  readonly mantissa: bigint;
  readonly mantissaBits: number;
  readonly exponent: number;
  /** Bits of precision, fewer for a subnormal number. */
  readonly precision: number;
}

/**
 * @param fraction the stored fraction
 * @param exponent the stored exponent; not both are 0, and it is not the one of infinity
 * @returns a positive JSON number
 */
export function javaDecimal(fraction: bigint, exponent: number, layout: BinaryLayout): string {
  const binary = normalize(fraction, exponent, layout);
  const fractionDigits = binary.mantissaBits - binary.exponent - 1;
  if (fractionDigits <= 0 && binary.exponent <= 62) return integerDigits(binary);
  return shortDigits(binary, Math.max(0, fractionDigits));
}

function normalize(fraction: bigint, exponent: number, { fractionBits, bias }: BinaryLayout): Binary {
  let mantissa = fraction;
  let precision = fractionBits + 1;
  let binaryExponent = exponent - bias;
  if (exponent === 0) {
    precision = fraction.toString(2).length;
    binaryExponent = precision - fractionBits - bias;
  } else mantissa |= 1n << BigInt(fractionBits);
  let mantissaBits = precision;
  while ((mantissa & 1n) === 0n) {
    mantissa >>= 1n;
    mantissaBits--;
  }
  return { mantissa, mantissaBits, exponent: binaryExponent, precision };
}

/** An integer below 2^63: exact, but for the digits that its precision does not cover. */
function integerDigits({ mantissa, mantissaBits, exponent, precision }: Binary): string {
  const value = mantissa << BigInt(exponent - mantissaBits + 1);
  const uncovered = exponent - precision - 1;
  const dropped = uncovered > 1 ? Math.floor(uncovered * Math.log10(2)) : 0;
  if (dropped === 0) return String(value);
  const unit = 10n ** BigInt(dropped);
  return `${value / unit + (value % unit >= unit / 2n ? 1n : 0n)}e${dropped}`;
}

function shortDigits(binary: Binary, fractionDigits: number): string {
  const { mantissa, mantissaBits, exponent, precision } = binary;
  let decimalExponent = estimateExponent(binary);
  const powersOf5 = Math.max(0, -decimalExponent);
  const scale5 = Math.max(0, decimalExponent);
  // Value = rest / scale × 10^decimalExponent, and `half` is half a unit in the last binary place: powers of two.
  let rest2 = powersOf5 + fractionDigits + exponent;
  let scale2 = scale5 + fractionDigits;
  let half2 = rest2 - precision - (mantissaBits === 1 ? 1 : 0);
  rest2 -= mantissaBits - 1;
  // Common powers of two are taken out, as far as all three stay integers.
  const up = -Math.min(rest2, scale2, half2);
  rest2 += up;
  scale2 += up;
  half2 += up;
  const inLong = mantissaBits + rest2 + bitsOfPowerOf5(powersOf5) < 64 && scale2 + 1 + bitsOfPowerOf5(scale5 + 1) < 64;
  // The release computes small cases in 64 bits, overflow included.
  const wrap = inLong ? (value: bigint) => BigInt.asIntN(64, value) : (value: bigint) => value;
  const scale = (5n ** BigInt(scale5)) << BigInt(scale2);
  const tens = scale * 10n;
  let rest = (mantissa * 5n ** BigInt(powersOf5)) << BigInt(rest2);
  let half = (5n ** BigInt(powersOf5)) << BigInt(half2);
  let digits = "";
  let low = false;
  let high = false;
  const step = (): bigint => {
    const digit = rest / scale;
    rest = wrap(10n * (rest % scale));
    half = wrap(half * 10n);
    const sum = wrap(rest + half);
    low = half <= 0n || rest < half;
    high = half <= 0n || sum > tens || (!inLong && sum === tens);
    return digit;
  };
  const first = step();
  if (first === 0n && !high) decimalExponent--;
  else digits = String(first);
  if (decimalExponent < -3 || decimalExponent >= 8) low = high = false;
  while (!low && !high) digits += String(step());
  return `${roundLast(BigInt(digits), low, high, wrap(2n * rest - tens))}e${decimalExponent - digits.length + 1}`;
}

/** @param difference of twice the rest and the next digit's unit: above 0 the next digit up is nearer */
function roundLast(digits: bigint, low: boolean, high: boolean, difference: bigint): bigint {
  const up = high && (!low || difference > 0n || (difference === 0n && (digits & 1n) === 1n));
  return up ? digits + 1n : digits;
}

function bitsOfPowerOf5(power: number): number {
  return POWER_OF_5_BITS[power] ?? power * 3;
}

/** The decimal exponent by a line through the logarithm; at most one too high. */
function estimateExponent({ mantissa, mantissaBits, exponent }: Binary): number {
  const significand = Number(mantissa) / 2 ** (mantissaBits - 1);
  return Math.floor((significand - 1.5) * 0.289529654 + 0.176091259 + exponent * 0.301029995663981);
}
