import type { StructuralSchema } from "../json-schema.ts";

/** A unit in which a field counts, and how many of it others that people write are. */
interface Unit {
  readonly name: string;
  readonly others: Readonly<Record<string, number>>;
}

const UNITS: readonly Unit[] = [
  {
    name: "milliseconds",
    others: {
      ms: 1,
      millis: 1,
      s: 1000,
      sec: 1000,
      seconds: 1000,
      m: 60_000,
      min: 60_000,
      minutes: 60_000,
      h: 3_600_000,
    },
  },
  { name: "percent", others: { "%": 1, percent: 1 } },
  {
    name: "bytes",
    others: {
      b: 1,
      k: 1024,
      kb: 1024,
      kib: 1024,
      ki: 1024,
      m: 1024 ** 2,
      mb: 1024 ** 2,
      mib: 1024 ** 2,
      mi: 1024 ** 2,
    },
  },
  { name: "seconds", others: { ms: 0.001, s: 1, sec: 1, seconds: 1, m: 60, min: 60, minutes: 60, h: 3600 } },
];

/** The unit of a field: the one that the first sentence of its description names. */
function unitOf({ description = "" }: StructuralSchema): Unit | undefined {
  const [sentence = ""] = description.split(/[.:](?=\s)/, 1);
  return UNITS.find(({ name }) => new RegExp(`\\b${name}\\b`, "i").test(sentence));
}

/** ` milliseconds` for a field that counts them; empty for one without a unit. */
export function unitSuffix(schema: StructuralSchema): string {
  const unit = unitOf(schema);
  return unit === undefined ? "" : ` ${unit.name}`;
}

function within({ minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY }: StructuralSchema) {
  return (number: number): boolean => Number.isInteger(number) && number >= minimum && number <= maximum;
}

/** What to write in place of a text in a field that is an integer. Never the text itself, which may be a secret. */
export function integerRemedy(text: string, schema: StructuralSchema): string {
  if (/^[+-]?[0-9]+$/.test(text)) return "must be an integer, not a string: remove the quotes";
  const unit = unitOf(schema);
  if (unit === undefined) return "must be an integer, not a string: write a number";
  const [, amount, other = ""] = /^([0-9]+(?:\.[0-9]+)?)\s*([a-z%]+)$/i.exec(text) ?? [];
  const factor = new Map(Object.entries(unit.others)).get(other.toLowerCase());
  const meant = factor === undefined ? undefined : Number(amount) * factor;
  return meant !== undefined && within(schema)(meant)
    ? `must be an integer without a unit: write ${meant}: ${unit.name}`
    : `must be an integer, not a string: write a number of ${unit.name}`;
}

/** ` : did you mean …?` for seconds where milliseconds are asked for; empty otherwise. */
export function secondsHint(value: unknown, schema: StructuralSchema): string {
  if (typeof value !== "number" || value <= 0 || unitOf(schema)?.name !== "milliseconds") return "";
  const meant = value * 1000;
  return value < (schema.minimum ?? 0) && within(schema)(meant) ? `: did you mean ${meant}?` : "";
}
