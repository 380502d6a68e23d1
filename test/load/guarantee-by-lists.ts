/** The guarantee, as it is stated, over whole lists: what the checker that keeps little is held to. */
import type { GuaranteeResult, Inversion, Mode, Numbered } from "./guarantee.ts";

interface Sequence {
  readonly topicPartition: string;
  readonly key: string;
  readonly produced: Set<number>;
  readonly read: number[];
}

export function checkByLists(
  produced: Iterable<Numbered>,
  read: Iterable<Numbered>,
  mode: Mode,
): Omit<GuaranteeResult, "explain"> {
  const sequences = new Map<string, Sequence>();
  const unknown: Numbered[] = [];
  for (const message of produced) {
    const { topicPartition, key, number } = message;
    const name = JSON.stringify([topicPartition, key]);
    const sequence = sequences.get(name) ?? { topicPartition, key, produced: new Set(), read: [] };
    sequence.produced.add(number);
    sequences.set(name, sequence);
  }
  for (const message of read) {
    const sequence = sequences.get(JSON.stringify([message.topicPartition, message.key]));
    if (sequence?.produced.has(message.number)) sequence.read.push(message.number);
    else unknown.push(message);
  }
  return compare([...sequences.values()], unknown, mode);
}

function compare(
  sequences: readonly Sequence[],
  unknown: readonly Numbered[],
  mode: Mode,
): Omit<GuaranteeResult, "explain"> {
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
  return { missing, unknown, inversions, duplicates, ok };
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
