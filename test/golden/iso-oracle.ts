/** Java's dates and times as ISO 8601 text, by JavaScript's calendar. */

/** Of the Gregorian calendar, which repeats itself. */
const DAYS_OF_400_YEARS = 146_097n;
const MILLIS_PER_DAY = 86_400_000;

/**
 * `2022-03-28T01:02:03.000000004`
 * @throws RangeError when Java has no such date or time
 */
export function isoDateTime(epochDay: bigint, nanoOfDay: bigint, maxYear = 999_999_999): string {
  if (nanoOfDay < 0n || nanoOfDay >= BigInt(MILLIS_PER_DAY) * 1_000_000n) throw new RangeError("no time of day");
  const dayOfCycle = ((epochDay % DAYS_OF_400_YEARS) + DAYS_OF_400_YEARS) % DAYS_OF_400_YEARS;
  const date = new Date(Number(dayOfCycle) * MILLIS_PER_DAY + Number(nanoOfDay / 1_000_000n));
  const year = date.getUTCFullYear() + Number((epochDay - dayOfCycle) / DAYS_OF_400_YEARS) * 400;
  if (Math.abs(year) > maxYear) throw new RangeError("no year");
  const sign = year > 9999 ? "+" : year < 0 ? "-" : "";
  const monthToSecond = date.toISOString().slice(4, 19);
  return `${sign}${String(Math.abs(year)).padStart(4, "0")}${monthToSecond}${fraction(nanoOfDay)}`;
}

/** No digits, or as many groups of three as it takes. */
function fraction(nanoOfDay: bigint): string {
  const nanos = String(nanoOfDay % 1_000_000_000n).padStart(9, "0");
  return `.${nanos}`.replace(/\.?(000)+$/, "");
}
