/** Dates and times as ISO 8601 text, over the whole range of Java's `java.time`, with nanoseconds. */

const SECONDS_PER_DAY = 86_400n;
const NANOS_PER_SECOND = 1_000_000_000n;
const NANOS_PER_DAY = SECONDS_PER_DAY * NANOS_PER_SECOND;
/** Java's years reach from -999999999 to 999999999, and those of its instants one year further on either side. */
const MAX_YEAR = 999_999_999;
const MAX_INSTANT_YEAR = MAX_YEAR + 1;
/** Beyond any of these years, within the integers that a double holds exactly. */
const MAX_EPOCH_DAYS = 1n << 39n;

/** `2022-03-28`; null when out of range. */
export function isoDate(epochDay: bigint, maxYear = MAX_YEAR): string | null {
  if (epochDay < -MAX_EPOCH_DAYS || epochDay > MAX_EPOCH_DAYS) return null;
  const [year, month, day] = civil(Number(epochDay));
  return Math.abs(year) > maxYear ? null : `${yearText(year)}-${pad(month)}-${pad(day)}`;
}

/** `21:27:25.803000123`; null when not within a day. */
export function isoTime(nanoOfDay: bigint): string | null {
  if (nanoOfDay < 0n || nanoOfDay >= NANOS_PER_DAY) return null;
  const second = Number(nanoOfDay / NANOS_PER_SECOND);
  const clock = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60].map(pad).join(":");
  return clock + fractionText(Number(nanoOfDay % NANOS_PER_SECOND));
}

/** `2022-03-28T21:27:25.803Z`; null when out of range. `nanos` may be negative or above a second, as in Java. */
export function isoInstant(epochSecond: bigint, nanos: number): string | null {
  const total = epochSecond * NANOS_PER_SECOND + BigInt(nanos);
  let day = total / NANOS_PER_DAY;
  let nanoOfDay = total % NANOS_PER_DAY;
  if (nanoOfDay < 0n) {
    nanoOfDay += NANOS_PER_DAY;
    day -= 1n;
  }
  const text = isoDateTime(day, nanoOfDay, MAX_INSTANT_YEAR);
  return text === null ? null : `${text}Z`;
}

/** `2022-03-28T21:27:25.803`; null when out of range. */
export function isoDateTime(epochDay: bigint, nanoOfDay: bigint, maxYear = MAX_YEAR): string | null {
  const date = isoDate(epochDay, maxYear);
  const time = isoTime(nanoOfDay);
  return date === null || time === null ? null : `${date}T${time}`;
}

/** No digits, or as many groups of three as it takes. */
function fractionText(nanos: number): string {
  if (nanos === 0) return "";
  return `.${String(nanos)
    .padStart(9, "0")
    .replace(/(000){1,2}$/, "")}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

function yearText(year: number): string {
  if (year > 9999) return `+${year}`;
  return (year < 0 ? "-" : "") + String(Math.abs(year)).padStart(4, "0");
}

/** Year, month, day of the proleptic Gregorian calendar; eras of 400 years starting on March 1st. */
function civil(epochDay: number): [year: number, month: number, day: number] {
  const shifted = epochDay + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
