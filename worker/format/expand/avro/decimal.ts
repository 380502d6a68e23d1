/**
 * @param unscaled a two's complement integer, big-endian, at least one byte
 * @param scale digits after the point
 * @returns `unscaled × 10^-scale` as a JSON number, every digit kept
 */
export function decimalJson(unscaled: Uint8Array, scale: number): string {
  const { buffer, byteOffset, length } = unscaled;
  const bits = BigInt(`0x${Buffer.from(buffer, byteOffset, length).toString("hex")}`);
  const value = BigInt.asIntN(length * 8, bits);
  if (scale === 0) return String(value);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
