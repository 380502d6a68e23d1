/** What a run has to satisfy, and how a run that does not is told. */
import { checkGuarantee, type Numbered } from "../../../load/guarantee.ts";
import type { RunResult, Scenario } from "./world.ts";

/** Late executions may break the order of the keys that they hit: of these, nothing may be missing. */
export function breachesOf(scenario: Scenario, result: RunResult): readonly string[] {
  const { produced, read } = sequences(result);
  const exempt = ({ topicPartition, key }: Numbered): boolean => result.kinesis.exempt.has(`${topicPartition}|${key}`);
  const strict = (message: Numbered): boolean => !exempt(message);
  const checked = [
    checkGuarantee(produced.filter(strict), read.filter(strict), scenario.ordered ? "ordered" : "unordered"),
    checkGuarantee(produced.filter(exempt), read.filter(exempt), "unordered"),
  ];
  return [...result.breaches, ...checked.filter(({ ok }) => !ok).map((each) => each.explain())];
}

/** What was produced, dead-lettered messages left out and the others renumbered 1, 2, 3, …; and what a consumer reads. */
function sequences({ broker, kinesis }: RunResult): { readonly produced: Numbered[]; readonly read: Numbered[] } {
  const buried = new Set(broker.deadLetters.map(({ message }) => Buffer.from(message.payload).toString()));
  const counts = new Map<string, number>();
  const numbered = new Map<string, Numbered>();
  const unknown = { topicPartition: "unknown", key: "unknown", number: 1 };
  for (const { topic, key, text } of broker.produced) {
    if (buried.has(text)) continue;
    const name = `${topic}|${key}`;
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    numbered.set(text, { topicPartition: topic, key, number });
  }
  // A message mended while its dead letter was on its way may be in both places.
  const read = kinesis.read().filter(({ data }) => !buried.has(data));
  return { produced: [...numbered.values()], read: read.map(({ data }) => numbered.get(data) ?? unknown) };
}

/** The scenario, the breaches, and the events of the topics and keys that they name. */
export function explain(scenario: Scenario, { events }: RunResult, breaches: readonly string[]): string {
  const text = breaches.join("\n");
  const names = [...text.matchAll(/(t-\d+) key "(k\d+)"/g)].map(([, topic, key]) => `${topic}|${key}|`);
  const relevant = events.filter((event) => !event.includes("|") || names.some((name) => event.includes(name)));
  return [JSON.stringify(scenario), text, "", ...relevant.slice(-200)].join("\n");
}
