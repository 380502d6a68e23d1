import { randomBytes } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import { isForbidden, isNotFound } from "../../runtime/kube/errors.ts";
import { collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
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

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  at: number;
}

/** The API cuts nobody's text; it refuses longer notes (`events.k8s.io/v1`, 1 kB). */
const NOTE_LIMIT = 1000;
/** An equal event within this time continues the series, milliseconds (client-go: 6 minutes). */
const SERIES_MS = 6 * 60_000;
const SERIES_KEPT = 1000;

export function createEventRecorder(options: {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly reportingInstance: string;
}): EventRecorder {
  const series = new Map<string, Series>();

  const create = async (subject: EventSubject, note: EventNote, signal: AbortSignal): Promise<string> => {
    const name = `${subject.name}.${randomBytes(8).toString("hex")}`;
    await options.client.request({
      method: "POST",
      path: collectionPath(EVENTS, subject.namespace),
      body: {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: { name, namespace: subject.namespace },
        eventTime: microTime(options.clock.wall()),
        reportingController: PROGRAM,
        reportingInstance: options.reportingInstance,
        regarding: subject,
        ...note,
        note: bounded(note.note),
      },
      signal,
    });
    return name;
  };

  const countUp = async (known: Series, signal: AbortSignal) => {
    const lastObservedTime = microTime(options.clock.wall());
    await options.client.request({
      method: "PATCH",
      path: objectPath(EVENTS, known.namespace, known.name),
      contentType: "application/merge-patch+json",
      body: { series: { count: known.count + 1, lastObservedTime } },
      signal,
    });
    known.count += 1;
    known.at = options.clock.now();
  };

  const write = async (subject: EventSubject, note: EventNote, signal: AbortSignal) => {
    const key = JSON.stringify([subject.uid, note.type, note.reason, note.note]);
    const known = series.get(key);
    if (known && options.clock.now() - known.at < SERIES_MS) {
      try {
        return await countUp(known, signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const name = await create(subject, note, signal);
    series.delete(key);
    series.set(key, { name, namespace: subject.namespace, count: 1, at: options.clock.now() });
    const oldest = series.keys().next();
    if (series.size > SERIES_KEPT && !oldest.done) series.delete(oldest.value);
  };

  return {
    record: async (subject, note, signal) => {
      try {
        await write(subject, note, signal);
      } catch (error) {
        // A namespace that is being deleted takes no events.
        const level = signal.aborted || isForbidden(error) ? "debug" : "warn";
        options.logger[level]("could not write an event", { reason: note.reason, error });
      }
    },
  };
}

function bounded(note: string): string {
  return note.length <= NOTE_LIMIT ? note : `${note.slice(0, NOTE_LIMIT - 1)}…`;
}
