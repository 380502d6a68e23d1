/** What a run has to satisfy, and how a run that does not is told. */
import type { RunResult, Scenario } from "./world.ts";

interface Sequence {
  readonly topic: string;
  readonly key: string;
  readonly produced: readonly number[];
  readonly read: readonly number[];
}

export function verdict(scenario: Scenario, result: RunResult): readonly string[] {
  const breaches = [...result.breaches];
  for (const sequence of sequences(result)) {
    const name = `${sequence.topic}|${sequence.key}`;
    const strict = scenario.ordered && !result.kinesis.exempt.has(sequence.key);
    breaches.push(
      ...(strict ? checkSequence(sequence) : checkComplete(sequence)).map((breach) => `${name}: ${breach}`),
    );
  }
  return breaches;
}

/** Per topic and key, dead-lettered messages left out and the others renumbered 1, 2, 3, … */
function sequences({ broker, kinesis }: RunResult): readonly Sequence[] {
  const buried = new Set(broker.deadLetters.map(({ message }) => Buffer.from(message.payload).toString()));
  const byName = new Map<string, Sequence & { produced: number[]; read: number[] }>();
  const numberOf = new Map<string, number>();
  for (const { topic, key, text } of broker.produced) {
    const name = `${topic}|${key}`;
    const sequence = byName.get(name) ?? { topic, key, produced: [], read: [] };
    byName.set(name, sequence);
    if (buried.has(text) && !kinesis.stored.has(text)) continue;
    numberOf.set(text, sequence.produced.length + 1);
    sequence.produced.push(sequence.produced.length + 1);
  }
  for (const { data } of kinesis.read()) {
    const name = data.slice(0, data.lastIndexOf("|"));
    byName.get(name)?.read.push(numberOf.get(data) ?? Number.NaN);
  }
  return [...byName.values()];
}

function checkSequence({ produced, read }: Sequence): readonly string[] {
  const breaches: string[] = [];
  let previous = 0;
  for (const number of read) {
    if (!(number <= previous + 1)) breaches.push(`${number} follows ${previous}`);
    previous = number;
  }
  if (previous !== produced.length) breaches.push(`the last is ${previous}, not ${produced.length}`);
  return breaches;
}

function checkComplete({ produced, read }: Sequence): readonly string[] {
  const seen = new Set(read);
  return produced.filter((number) => !seen.has(number)).map((number) => `${number} is missing`);
}

/** The scenario, the breaches, and the events that have to do with them. */
export function explain(scenario: Scenario, { events }: RunResult, breaches: readonly string[]): string {
  const names = breaches.map((breach) => breach.match(/t-\d+\|k\d+/)?.[0]).filter((name) => name !== undefined);
  const relevant = events.filter((event) => !/\|/.test(event) || names.some((name) => event.includes(`${name}|`)));
  return [JSON.stringify(scenario), ...breaches.slice(0, 10), "", ...relevant.slice(-200)].join("\n");
}
