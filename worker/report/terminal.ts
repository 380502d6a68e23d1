import { clearScreenDown, cursorTo, moveCursor } from "node:readline";
import { Writable } from "node:stream";
import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import type { Clock } from "../../runtime/clock.ts";
import { entryFacts } from "./entry.ts";
import type { WorkerFacts } from "./facts.ts";

/** Where nothing is redrawn a report that says nothing new comes as rarely. */
const EVERY_MS = 5000;

export interface Terminal extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  /** Characters of a line; known of a terminal. */
  readonly columns?: number;
}

export interface TerminalReport {
  show(entry: WorkerStatus, facts: WorkerFacts): void;
  /** Writes what is no report, such as the log: the next report is drawn below it, and not over it. */
  readonly log: NodeJS.WritableStream;
}

/**
 * Shows reports as they come: on a terminal the last one is drawn over, elsewhere a new one is written when it says something
 * new or is due.
 * @param errors where the log goes
 * @param ignored paths of fields of the spec that have no effect
 */
export function createTerminalReport(
  out: Terminal,
  errors: NodeJS.WritableStream,
  ignored: readonly string[],
  clock: Pick<Clock, "now">,
): TerminalReport {
  return new DrawnReport(out, errors, ignored, clock);
}

class DrawnReport implements TerminalReport {
  readonly log: NodeJS.WritableStream;
  readonly #out: Terminal;
  readonly #ignored: readonly string[];
  readonly #clock: Pick<Clock, "now">;
  /** Rows of the last report, if nothing came below it. */
  #drawn = 0;
  #shown = "";
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(out: Terminal, errors: NodeJS.WritableStream, ignored: readonly string[], clock: Pick<Clock, "now">) {
    this.#out = out;
    this.#ignored = ignored;
    this.#clock = clock;
    this.log = new Writable({
      write: (chunk, _encoding, done) => {
        this.#drawn = 0;
        errors.write(chunk, () => done());
      },
    });
  }

  show(entry: WorkerStatus, facts: WorkerFacts): void {
    const text = terminalReport(entry, facts, this.#ignored);
    if (this.#out.isTTY) this.#draw(text);
    else this.#write(text, entryFacts(entry));
  }

  #draw(text: string): void {
    if (this.#drawn > 0) {
      moveCursor(this.#out, 0, -this.#drawn);
      cursorTo(this.#out, 0);
      clearScreenDown(this.#out);
    }
    this.#out.write(`${text}\n`);
    // A terminal without a size says 0.
    this.#drawn = rows(text, this.#out.columns || 80);
  }

  #write(text: string, news: string): void {
    const now = this.#clock.now();
    if (news === this.#shown && now - this.#shownAt < EVERY_MS) return;
    this.#shown = news;
    this.#shownAt = now;
    this.#out.write(`${text}\n`);
  }
}

/** How many lines of a terminal a text takes. */
function rows(text: string, columns: number): number {
  return text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
}

/** The report as a person at a terminal reads it: one line of numbers, a line for each cause. No trailing line end. */
export function terminalReport(entry: WorkerStatus, facts: WorkerFacts, ignored: readonly string[]): string {
  const time = new Date(facts.now).toISOString().slice(11, 19);
  const shards = entry.stream?.shards;
  const numbers = [
    `${time}  ${entry.state}`,
    `pulsar ${entry.source?.connected ? "connected" : "not connected"} (${entry.source?.activePartitions ?? 0} of ${entry.source?.partitions ?? 0} partitions)`,
    `stream ${entry.stream?.writable ? "writable" : "not writable"}${shards === undefined ? "" : ` (${shards} shards)`}`,
    `${entry.ratePerSecond ?? 0} msg/s`,
    `${entry.delivered ?? 0} delivered`,
    `${entry.inFlight ?? 0} pending`,
    ...(entry.backlog === undefined ? [] : [`backlog ${entry.backlog}`]),
    ...(entry.retried ? [`${entry.retried} retried`] : []),
  ].join("  ");
  return [numbers, ...causeLines(entry), ...ignoredLine(ignored)].join("\n");
}

/** Each cause once, though the worker's own is the one of a side as a rule. */
function causeLines(entry: WorkerStatus): string[] {
  const causes = [causeLine("pulsar: ", entry.source), causeLine("stream: ", entry.stream)];
  const ofSides = [entry.source?.message, entry.stream?.message];
  const own = entry.message !== undefined && ofSides.includes(entry.message) ? null : causeLine("", entry);
  const throttled = entry.throttled ? `throttled on ${entry.throttled.shard}` : null;
  return [own, ...causes, throttled].flatMap((line) => (line === null ? [] : [`          ${line}`]));
}

function ignoredLine(ignored: readonly string[]): string[] {
  return ignored.length === 0 ? [] : [`          without effect: ${ignored.join(", ")}`];
}

function causeLine(side: string, part: { reason?: string; message?: string } | undefined): string | null {
  return part?.reason === undefined ? null : `${side}${part.reason}: ${part.message ?? ""}`;
}
