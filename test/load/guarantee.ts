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

interface Sequence {
  readonly topicPartition: string;
  readonly key: string;
  readonly produced: Set<number>;
  readonly read: number[];
}

/**
 * @param produced the messages that count (dead-lettered ones left out), in any order, each sequence numbered 1..n
 * @param read what a consumer of the stream saw, in its order
 */
export function checkGuarantee(produced: Iterable<Numbered>, read: Iterable<Numbered>, mode: Mode): GuaranteeResult {
  const sequences = new Map<string, Sequence>();
  const unknown: Numbered[] = [];
  for (const message of produced) {
    const { topicPartition, key, number } = message;
    const name = JSON.stringify([topicPartition, key]);
    const sequence = sequences.get(name) ?? { topicPartition, key, produced: new Set(), read: [] };
    sequence.produced.add(number);
    sequences.set(name, sequence);
  }
  for (const { produced: numbers, ...name } of sequences.values()) {
    for (let number = 1; number <= numbers.size; number++) {
      if (!numbers.has(number)) throw new RangeError(`${label(name)} is not numbered 1..${numbers.size}`);
    }
  }
  for (const message of read) {
    const sequence = sequences.get(JSON.stringify([message.topicPartition, message.key]));
    if (sequence?.produced.has(message.number)) sequence.read.push(message.number);
    else unknown.push(message);
  }
  return compare([...sequences.values()], unknown, mode);
}

function compare(sequences: readonly Sequence[], unknown: readonly Numbered[], mode: Mode): GuaranteeResult {
  const missing: Numbered[] = [];
  const inversions: Inversion[] = [];
  let duplicates = 0;
  for (const sequence of sequences) {
    const { topicPartition, key } = sequence;
    const seen = new Set(sequence.read);
    duplicates += sequence.read.length - seen.size;
    for (const number of sequence.produced) if (!seen.has(number)) missing.push({ topicPartition, key, number });
    if (mode === "ordered") inversions.push(...inversionsOf(sequence));
  }
  const ok = missing.length === 0 && unknown.length === 0 && inversions.length === 0;
  const explain = (): string => describe(missing, unknown, inversions, duplicates);
  return { missing, unknown, inversions, duplicates, ok, explain };
}

function inversionsOf({ topicPartition, key, produced, read }: Sequence): Inversion[] {
  const found: Inversion[] = [];
  let after = 0;
  for (const number of read) {
    if (number > after + 1) found.push({ kind: "skip", topicPartition, key, number, after });
    after = number;
  }
  // A consumer that keeps the last value must end with the last one produced.
  const last = produced.size;
  if (read.length > 0 && after !== last) found.push({ kind: "end", topicPartition, key, number: last, after });
  return found;
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
