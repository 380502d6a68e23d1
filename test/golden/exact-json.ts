/** JSON values in which every number is exact, to be compared by `assert.deepEqual`. */

/** A number as `digits × 10^exponent`, without zeros at either end. */
export class ExactNumber {
  readonly decimal: string;
  constructor(json: string) {
    this.decimal = normalize(json);
  }
}

/** A floating-point number. Which of the decimals that read back as it stands for it, Java's releases do not agree. */
export class BinaryNumber {
  readonly value: number;
  /** Decimal digits that tell any two such numbers apart: 9 for 32 bits, 17 for 64. */
  readonly digits: 9 | 17;
  constructor(value: number, digits: 9 | 17) {
    this.value = value;
    this.digits = digits;
  }

  isWrittenAs(number: ExactNumber): boolean {
    if (digitsOf(number) > this.digits) return Number.isInteger(this.value) && isSame(number, BigInt(this.value));
    const read = Number(number.decimal);
    return (this.digits === 9 ? Math.fround(read) : read) === this.value;
  }
}

/** `actual` with its decimals replaced by what they stand for, where `expected` has floating-point numbers. */
export function readBinaryNumbers(actual: unknown, expected: unknown): unknown {
  if (expected instanceof BinaryNumber)
    return actual instanceof ExactNumber && expected.isWrittenAs(actual) ? expected : actual;
  if (typeof actual !== "object" || actual === null || typeof expected !== "object" || expected === null) return actual;
  if (actual instanceof ExactNumber) return actual;
  const inner = expected as Readonly<Record<string, unknown>>;
  const entries = Object.entries(actual).map(([name, value]) => [name, readBinaryNumbers(value, inner[name])] as const);
  return Array.isArray(actual) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

/** White space, then a mark, a string, a number or a word. */
const TOKEN = /[ \t\r\n]*([{}[\],:]|"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/**
 * Not JSON.parse, which V8 13.6 lets mistake a name with escapes for that of an object read before: after `{"a":1,"\\":2}`
 * it reads `{"a":1,"\"":2}` as the same.
 * @throws SyntaxError
 */
export function parseExact(text: string): unknown {
  const { value, end } = parseFirst(text);
  if (/[^ \t\r\n]/.test(text.slice(end))) throw new SyntaxError(`text after the value at ${end}`);
  return value;
}

/** @returns the first value of `text`, whatever follows its `end` */
export function parseFirst(text: string): { value: unknown; end: number } {
  let at = 0;
  const next = (): string => {
    TOKEN.lastIndex = at;
    const [, token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw new SyntaxError(`no JSON at ${at}`);
    at = TOKEN.lastIndex;
    return token;
  };
  const items = <T>(close: string, item: (token: string) => T): T[] => {
    const found: T[] = [];
    for (let token = next(); token !== close; token = next()) {
      if (found.length > 0 && token !== ",") throw new SyntaxError(`no comma at ${at}`);
      found.push(item(found.length > 0 ? next() : token));
    }
    return found;
  };
  const member = (name: string): [string, unknown] => {
    if (next() !== ":") throw new SyntaxError(`no colon at ${at}`);
    return [string(name), value(next())];
  };
  const string = (token: string): string => {
    if (!token.startsWith('"')) throw new SyntaxError(`no name at ${at}`);
    return JSON.parse(token) as string;
  };
  const value = (token: string): unknown => {
    if (token === "{") return Object.fromEntries(items("}", member));
    if (token === "[") return items("]", value);
    if (/^[-\d]/.test(token)) return new ExactNumber(token);
    return /^[tfn]/.test(token) ? (JSON.parse(token) as boolean | null) : string(token);
  };
  return { value: value(next()), end: at };
}

function digitsOf({ decimal }: ExactNumber): number {
  return decimal.replace(/^-|e.*$/g, "").length;
}

/** Java prints some large integers to their last digit. */
function isSame({ decimal }: ExactNumber, integer: bigint): boolean {
  return decimal === new ExactNumber(String(integer)).decimal;
}

function normalize(json: string): string {
  const [, sign = "", integer = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json) ?? [];
  const digits = `${integer}${fraction}`.replace(/^0+/, "");
  if (digits === "") return "0";
  const significant = digits.replace(/0+$/, "");
  return `${sign}${significant}e${BigInt(exponent) + BigInt(digits.length - significant.length - fraction.length)}`;
}
