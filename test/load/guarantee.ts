/**
 * What the program promises, as one function over what was produced and what a consumer read.
 *
 * Ordered: number the messages of each (topic-partition, key) 1..n. What is read of it starts at 1, each number is at
 * most its predecessor + 1, and the last is n: nothing is missing, and every repetition is a rewind.
 * Unordered: every message is read at least once.
 */

export const MODES = ["ordered", "unordered"] as const;
export type Mode = (typeof MODES)[number];

/** A sequence is named by topic-partition and key: the same key in another topic-partition is a sequence of its own. */
export interface Numbered {
  readonly topicPartition: string;
  readonly key: string;
  /** From 1. */
  readonly number: number;
}

/** One step of a sequence that an ordered sink must not make. */
export interface Inversion extends Numbered {
  /** `skip`: `number` was read right after `after` (0 at the beginning). `end`: `after` was read last, not `number`. */
  readonly kind: "skip" | "end";
  readonly after: number;
}

export interface GuaranteeResult {
  /** Produced and never read. */
  readonly missing: readonly Numbered[];
  /** Read, never produced. */
  readonly unknown: readonly Numbered[];
  /** Ordered: numbers above their predecessor + 1, and sequences whose last number is not n. */
  readonly inversions: readonly Inversion[];
  /** How many reads were repetitions: allowed, counted. */
  readonly duplicates: number;
  readonly ok: boolean;
  /** The first differences in words; for the message of an assertion. */
  explain(): string;
}

/** What was produced and read, message by message: it keeps no more of a sequence than is out of order or missing. */
export interface GuaranteeTracker {
  /** Messages that count, in any order; in the end each sequence is numbered 1..n. */
  produced(message: Numbered): void;
  /** What a consumer of the stream saw, in its order; before or after it was told to be produced. */
  read(message: Numbered): void;
  /** As of now. @throws RangeError where a number is missing among those produced */
  result(): GuaranteeResult;
}

export function trackGuarantee(mode: Mode): GuaranteeTracker {
  return new SequenceTracker(mode);
}

/**
 * @param produced the messages that count (dead-lettered ones left out), in any order, each sequence numbered 1..n
 * @param read what a consumer of the stream saw, in its order
 */
export function checkGuarantee(produced: Iterable<Numbered>, read: Iterable<Numbered>, mode: Mode): GuaranteeResult {
  const tracker = trackGuarantee(mode);
  for (const message of produced) tracker.produced(message);
  for (const message of read) tracker.read(message);
  return tracker.result();
}

class SequenceTracker implements GuaranteeTracker {
  readonly #mode: Mode;
  readonly #topics = new Map<string, Map<string, Sequence>>();

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  produced({ topicPartition, key, number }: Numbered): void {
    this.#of(topicPartition, key).produce(number);
  }

  read({ topicPartition, key, number }: Numbered): void {
    this.#of(topicPartition, key).read(number);
  }

  result(): GuaranteeResult {
    const missing: Numbered[] = [];
    const unknown: Numbered[] = [];
    const inversions: Inversion[] = [];
    let duplicates = 0;
    for (const [topicPartition, keys] of this.#topics) {
      for (const [key, sequence] of keys) {
        const name = { topicPartition, key };
        if (sequence.isHoled) throw new RangeError(`${label(name)} is not numbered 1..${sequence.count}`);
        const seen = sequence.asOfNow();
        duplicates += seen.duplicates;
        for (const number of seen.missing) missing.push({ ...name, number });
        for (const number of seen.unknown) unknown.push({ ...name, number });
        for (const each of seen.inversions) inversions.push({ ...name, ...each });
      }
    }
    const ok = missing.length === 0 && unknown.length === 0 && inversions.length === 0;
    const explain = (): string => describe(missing, unknown, inversions, duplicates);
    return { missing, unknown, inversions, duplicates, ok, explain };
  }

  #of(topicPartition: string, key: string): Sequence {
    let keys = this.#topics.get(topicPartition);
    if (keys === undefined) {
      keys = new Map();
      this.#topics.set(topicPartition, keys);
    }
    let sequence = keys.get(key);
    if (sequence === undefined) {
      sequence = new Sequence(this.#mode);
      keys.set(key, sequence);
    }
    return sequence;
  }
}

type Step = Omit<Inversion, "topicPartition" | "key">;

interface Seen {
  readonly missing: readonly number[];
  readonly unknown: readonly number[];
  readonly inversions: readonly Step[];
  readonly duplicates: number;
}

/** The messages of one topic-partition and key. */
class Sequence {
  readonly #mode: Mode;
  /** Numbers 1 to here were produced. */
  #through = 0;
  /** Produced beyond a hole. */
  readonly #beyond = new Set<number>();
  /** Reads from the first one on of what is not known to be produced yet. */
  readonly #early: number[] = [];
  #last = 0;
  /** Each number up to here was read, but for those skipped. */
  #highest = 0;
  readonly #skipped = new Set<number>();
  readonly #inversions: Step[] = [];
  #duplicates = 0;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  get count(): number {
    return this.#through + this.#beyond.size;
  }

  get isHoled(): boolean {
    return this.#beyond.size > 0;
  }

  produce(number: number): void {
    if (number > this.#through) this.#beyond.add(number);
    while (this.#beyond.delete(this.#through + 1)) this.#through += 1;
    while (this.#early.length > 0 && this.#isProduced(this.#early[0] ?? 0)) this.#take(this.#early.shift() ?? 0);
  }

  read(number: number): void {
    if (this.#early.length > 0 || !this.#isProduced(number)) this.#early.push(number);
    else this.#take(number);
  }

  asOfNow(): Seen {
    if (this.#early.length > 0) return this.#withoutUnknown();
    const missing = [...this.#skipped].sort((one, other) => one - other);
    for (let number = this.#highest + 1; number <= this.#through; number++) missing.push(number);
    const last = this.#last;
    // A consumer that keeps the last value must end with the last one produced.
    const isEnd = this.#mode === "unordered" || last === 0 || last === this.#through;
    const end: Step[] = isEnd ? [] : [{ kind: "end", number: this.#through, after: last }];
    return { missing, unknown: [], inversions: [...this.#inversions, ...end], duplicates: this.#duplicates };
  }

  /** What a copy sees that has read on past what was never produced. */
  #withoutUnknown(): Seen {
    const copy = new Sequence(this.#mode);
    copy.#through = this.#through;
    copy.#last = this.#last;
    copy.#highest = this.#highest;
    copy.#duplicates = this.#duplicates;
    for (const number of this.#skipped) copy.#skipped.add(number);
    copy.#inversions.push(...this.#inversions);
    const known = this.#early.filter((number) => this.#isProduced(number));
    for (const number of known) copy.#take(number);
    return { ...copy.asOfNow(), unknown: this.#early.filter((number) => !this.#isProduced(number)) };
  }

  #isProduced(number: number): boolean {
    return (number >= 1 && number <= this.#through) || this.#beyond.has(number);
  }

  #take(number: number): void {
    if (this.#mode === "ordered" && number > this.#last + 1)
      this.#inversions.push({ kind: "skip", number, after: this.#last });
    this.#last = number;
    if (number <= this.#highest) {
      if (!this.#skipped.delete(number)) this.#duplicates += 1;
      return;
    }
    for (let skipped = this.#highest + 1; skipped < number; skipped++) this.#skipped.add(skipped);
    this.#highest = number;
  }
}

const SHOWN = 10;

function describe(
  missing: readonly Numbered[],
  unknown: readonly Numbered[],
  inversions: readonly Inversion[],
  duplicates: number,
): string {
  return [
    ...section("missing", missing.map(label)),
    ...section("read but never produced", unknown.map(label)),
    ...section(
      "out of order",
      inversions.map((inversion) =>
        inversion.kind === "skip"
          ? `${label(inversion)} right after number ${inversion.after}`
          : `${label(inversion)} should be the last one, but number ${inversion.after} is`,
      ),
    ),
    `${duplicates} repetitions`,
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > SHOWN ? [`  … and ${lines.length - SHOWN} more`] : [];
  return [`${title}: ${lines.length}`, ...lines.slice(0, SHOWN).map((line) => `  ${line}`), ...more];
}

function label({ topicPartition, key, number }: { topicPartition: string; key: string; number?: number }): string {
  return `${topicPartition} key ${JSON.stringify(key)}${number === undefined ? "" : ` number ${number}`}`;
}
