/** JSON values in which every number is exact, to be compared by `assert.deepEqual`. */

/** A number as `digits × 10^exponent`, without zeros at either end. */
export class ExactNumber {
  readonly decimal: string;
  constructor(json: string) {
    this.decimal = normalize(json);
  }
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** @throws SyntaxError */
export function parseExact(text: string): unknown {
  return parseWithSource(text, (_key, value, { source }) =>
    typeof value === "number" ? new ExactNumber(source ?? "") : value,
  );
}

function normalize(json: string): string {
  const [, sign = "", integer = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json) ?? [];
  const digits = `${integer}${fraction}`.replace(/^0+/, "");
  if (digits === "") return "0";
  const significant = digits.replace(/0+$/, "");
  return `${sign}${significant}e${BigInt(exponent) + BigInt(digits.length - significant.length - fraction.length)}`;
}
