/** Sound bytes and JSON, made unsound in a few places. */
import type { Choices } from "./choices.ts";

/** At which decoders have gone wrong before: ends of ranges, and the limits of this program. */
export const INTERESTING: readonly (number | bigint)[] = [
  ...[0, 1, 2, 3, 7, 8, 16, 31, 32, 63, 64, 127, 128, 255, 256, 999, 1_000, 1_001, 9_999, 10_000, 10_001],
  ...[32_767, 32_768, 65_535, 65_536, 999_999, 1_000_000, 1_000_001, 5_242_880, 33_554_432, 33_554_433],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1],
  ...[2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];

/** Up to three places of `bytes` changed; no more than `most` bytes come of it. */
export function mutatedBytes(bytes: Buffer, choices: Choices, most: number): Buffer {
  let result = bytes;
  for (let left = choices.below(4); left > 0; left--) result = mutatedOnce(result, choices, most);
  return result;
}

function mutatedOnce(bytes: Buffer, choices: Choices, most: number): Buffer {
  const from = choices.below(bytes.length + 1);
  const to = Math.min(bytes.length, from + choices.below(Math.min(64, bytes.length - from) + 1));
  const parts = (middle: Buffer, after = to): Buffer =>
    Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(after)]).subarray(0, most);
  switch (choices.below(6)) {
    case 0:
      return parts(choices.bytes(8));
    case 1:
      return parts(Buffer.alloc(0));
    case 2:
      return bytes.subarray(0, from);
    case 3: {
      const unit = bytes.subarray(from, to);
      if (unit.length === 0) return bytes;
      const room = Math.max(0, most - bytes.length);
      return parts(Buffer.alloc(Math.min(unit.length * choices.count(24), room + unit.length), unit));
    }
    case 4: {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(Number(BigInt(choices.pick(INTERESTING)) & 0xffff_ffffn));
      return parts(number, Math.min(bytes.length, from + 4));
    }
    default: {
      const flipped = Buffer.from(bytes);
      if (from < flipped.length) flipped[from] = (flipped[from] ?? 0) ^ (1 << choices.below(8));
      return flipped;
    }
  }
}

/** Stands for text that no value has, such as a million brackets. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The text of a JSON value, changed in up to three places. */
export function mutatedJson(value: unknown, choices: Choices, mostBytes: number): Buffer {
  const raws: Raw[] = [];
  let changed = value;
  for (let left = choices.below(4); left > 0; left--) changed = mutatedValue(changed, choices, mostBytes);
  const text =
    JSON.stringify(changed, (_, part: unknown) => {
      if (!(part instanceof Raw)) return part;
      raws.push(part);
      return `\u0001raw ${raws.length - 1}\u0001`;
    }) ?? "";
  const whole = text.replaceAll(/"\\u0001raw (\d+)\\u0001"/g, (_, index: string) => raws[Number(index)]?.text ?? "");
  const bytes = Buffer.from(whole.slice(0, mostBytes));
  return choices.chance(0.3) ? mutatedBytes(bytes, choices, mostBytes) : bytes;
}

function mutatedValue(value: unknown, choices: Choices, most: number): unknown {
  if (typeof value !== "object" || value === null || value instanceof Raw || choices.chance(0.2)) {
    return otherValue(value, choices, most);
  }
  if (Array.isArray(value)) return mutatedList(value, choices, most);
  const members = Object.entries(value);
  if (members.length === 0) return otherValue(value, choices, most);
  const at = choices.below(members.length);
  const [name, part] = members[at] as [string, unknown];
  switch (choices.below(5)) {
    case 0:
      return Object.fromEntries(members.with(at, [name, mutatedValue(part, choices, most)]));
    case 1:
      return Object.fromEntries(members.toSpliced(at, 1));
    case 2:
      return Object.fromEntries([...members, [name.toUpperCase(), part], ["__proto__", part]]);
    case 3: {
      const count = Math.min(choices.count(18), most >> 4);
      const more = Array.from({ length: count }, (_, index): [string, unknown] => [`n${index}`, part]);
      return Object.fromEntries([...members, ...more]);
    }
    default: {
      const member = `${JSON.stringify(name)}:1,`;
      const repeated = member.repeat(Math.min(choices.count(20), Math.floor(most / member.length)));
      return new Raw(`{${repeated}${JSON.stringify(value).slice(1)}`);
    }
  }
}

function mutatedList(list: readonly unknown[], choices: Choices, most: number): unknown {
  if (list.length === 0) return otherValue(list, choices, most);
  const at = choices.below(list.length);
  switch (choices.below(4)) {
    case 0:
      return list.with(at, mutatedValue(list[at], choices, most));
    case 1:
      return list.toSpliced(at, 1);
    case 2:
      return list.toSpliced(at, 0, list[at]);
    default: {
      const bytes = (JSON.stringify(list[at])?.length ?? 4) + 1;
      return [...list, ...new Array(Math.min(choices.count(20), Math.floor(most / bytes))).fill(list[at])];
    }
  }
}

function otherValue(value: unknown, choices: Choices, most: number): unknown {
  const long = Math.min(choices.count(24), most);
  const others: readonly (() => unknown)[] = [
    () => null,
    () => true,
    () => Number(choices.pick(INTERESTING)),
    () => new Raw(choices.pick(["1e999", "-0", "-1", "0.1", "1E400", "18446744073709551616", "9".repeat(4_000)])),
    () => "",
    () => choices.bytes(12).toString("latin1"),
    () =>
      choices.pick([
        "__proto__",
        "constructor",
        "toString",
        "\ud800",
        "\u0000\u001b[2J",
        "e30.",
        "%",
        "http://[",
        "$&",
      ]),
    () =>
      new Raw(`"${choices.pick(["9", "a", " ", "\\u0000", "(", "[", "eyJ", "bearer "]).repeat(Math.ceil(long / 8))}"`),
    () => [],
    () => ({}),
    () => [value],
    () => new Raw("[".repeat(long / 2) + "]".repeat(long / 2)),
    () => new Raw(`${'{"a":'.repeat(long / 8)}1${"}".repeat(long / 8)}`),
  ];
  return choices.pick(others)();
}
