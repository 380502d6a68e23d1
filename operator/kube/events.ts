import { randomBytes } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import { isForbidden, isNotFound } from "../../runtime/kube/errors.ts";
import { apiVersion, collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import type { Logger } from "../../runtime/log.ts";
import { PROGRAM } from "../program.ts";
import { microTime } from "./lease.ts";
import { EVENTS } from "./objects.ts";

export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** UpperCamelCase, at most 128 characters. */
  readonly reason: string;
  /** What the operator did or observed, UpperCamelCase. */
  readonly action: string;
  readonly note: string;
}

export interface EventRecorder {
  /** Writes an Event, or counts up the series of an equal one. Never throws: an Event is a courtesy. */
  record(subject: EventSubject, note: EventNote, signal: AbortSignal): Promise<void>;
}

/** An Event that was written, and how often since. */
interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  /** Of the last one, monotonic milliseconds. */
  at: number;
}

/** The API cuts nobody's text; it refuses longer notes (`events.k8s.io/v1`, 1 kB). */
const NOTE_LIMIT = 1000;
/** An equal event within this time continues the series, milliseconds (client-go: 6 minutes). */
const SERIES_MS = 6 * 60_000;
/** Series that are remembered. */
const SERIES_LIMIT = 1000;

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The pod's name. */
  readonly reportingInstance: string;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new SeriesRecorder(options);
}

class SeriesRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  /** What was written lately, by what makes Events equal, the longest unchanged first. */
  readonly #series = new Map<string, Series>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  async record(subject: EventSubject, note: EventNote, signal: AbortSignal): Promise<void> {
    try {
      await this.#write(subject, note, signal);
    } catch (error) {
      // A namespace that is being deleted takes no events.
      const level = signal.aborted || isForbidden(error) ? "debug" : "warn";
      this.#options.logger[level]("could not write an event", { reason: note.reason, error });
    }
  }

  async #write(subject: EventSubject, note: EventNote, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const key = JSON.stringify([subject.uid, note.type, note.reason, note.note]);
    const known = this.#series.get(key);
    if (known && clock.now() - known.at < SERIES_MS) {
      try {
        return await this.#countUp(known, signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const name = await this.#create(subject, note, signal);
    this.#series.delete(key);
    this.#series.set(key, { name, namespace: subject.namespace, count: 1, at: clock.now() });
    const oldest = this.#series.keys().next();
    if (this.#series.size > SERIES_LIMIT && !oldest.done) this.#series.delete(oldest.value);
  }

  async #create(subject: EventSubject, note: EventNote, signal: AbortSignal): Promise<string> {
    const { client, clock, reportingInstance } = this.#options;
    const name = `${subject.name}.${randomBytes(8).toString("hex")}`;
    await client.request({
      method: "POST",
      path: collectionPath(EVENTS, subject.namespace),
      body: {
        apiVersion: apiVersion(EVENTS),
        kind: EVENTS.kind,
        metadata: { name, namespace: subject.namespace },
        eventTime: microTime(clock.wall()),
        reportingController: PROGRAM,
        reportingInstance,
        regarding: subject,
        ...note,
        note: bounded(note.note),
      },
      signal,
    });
    return name;
  }

  async #countUp(known: Series, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    await client.request({
      method: "PATCH",
      path: objectPath(EVENTS, known.namespace, known.name),
      contentType: "application/merge-patch+json",
      body: { series: { count: known.count + 1, lastObservedTime: microTime(clock.wall()) } },
      signal,
    });
    known.count += 1;
    known.at = clock.now();
  }
}

function bounded(note: string): string {
  return note.length <= NOTE_LIMIT ? note : `${note.slice(0, NOTE_LIMIT - 1)}…`;
}
