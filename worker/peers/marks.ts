/**
 * Marks of clean hand-overs, in the sink's Lease object: an annotation for each topic-partition that its owner has left, with
 * the time at which it was the owner's. A mark is taken by a patch that compares and deletes it, which one worker can win.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import { ApiError, isInvalid } from "../../runtime/kube/errors.ts";
import { CLOCK_DIFFERENCE_MS, type LeftTopic, MARK_VALID_MS } from "../pipeline/peers.ts";

const PREFIX = "handover.pulsar-kinesis.io/";

/** What the annotations of an object may hold is 256 KiB; a mark takes some 90 bytes. */
export const MOST_MARKS = 2_000;

interface Lease {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

export interface MarksOptions {
  readonly client: KubeClient;
  /** Of the Lease object. */
  readonly path: string;
  readonly clock: Clock;
}

/** By topic. */
export type Marks = ReadonlyMap<string, Mark>;

export interface Mark {
  readonly annotation: string;
  readonly value: string;
}

/** Reads and writes the marks. Everything throws as the client does. */
export class MarkStore {
  readonly #options: MarksOptions;

  constructor(options: MarksOptions) {
    this.#options = options;
  }

  /** Those of these topics that hold now. */
  async read(topics: Iterable<string>, signal: AbortSignal): Promise<Marks> {
    const annotations = await this.#annotations(signal);
    const now = this.#options.clock.wall();
    const marks = new Map<string, Mark>();
    for (const topic of topics) {
      const annotation = annotationOf(topic);
      const value = annotations[annotation];
      if (value !== undefined && holds(Number(value), now)) marks.set(topic, { annotation, value });
    }
    return marks;
  }

  /** @returns false when one of them is not there any more: then all are left */
  async take(marks: Iterable<Mark>, signal: AbortSignal): Promise<boolean> {
    const body = [...marks].flatMap(({ annotation, value }) => {
      const path = `/metadata/annotations/${annotation.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      return [
        { op: "test", path, value },
        { op: "remove", path },
      ];
    });
    try {
      await this.#patch("application/json-patch+json", body, signal);
      return true;
    } catch (error) {
      if (isInvalid(error)) return false;
      throw error;
    }
  }

  /**
   * Writes marks, and removes those that hold no more.
   * @returns false when nothing was written for certain
   */
  async write(left: readonly LeftTopic[], signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const before = await this.#annotations(signal);
    const annotations: Record<string, string | null> = {};
    let count = 0;
    for (const [name, value] of Object.entries(before)) {
      if (!name.startsWith(PREFIX)) continue;
      if (holds(Number(value), clock.wall())) count += 1;
      else annotations[name] = null;
    }
    for (const { topic, ownedAt } of left.slice(0, Math.max(0, MOST_MARKS - count))) {
      annotations[annotationOf(topic)] = String(Math.floor(ownedAt));
    }
    try {
      await this.#patch("application/merge-patch+json", { metadata: { annotations } }, signal);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) throw error;
      // The request may have come through all the same.
      return true;
    }
  }

  async #annotations(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { client, path } = this.#options;
    const { metadata } = await client.request<Lease>({ path, signal });
    return metadata.annotations ?? {};
  }

  async #patch(contentType: string, body: unknown, signal: AbortSignal): Promise<void> {
    const { client, path } = this.#options;
    await client.request({ method: "PATCH", path, contentType, body, signal });
  }
}

/** Names of topic-partitions are longer than those of annotations may be, and of other characters. */
function annotationOf(topic: string): string {
  return `${PREFIX}${createHash("sha256").update(topic).digest("hex").slice(0, 32)}`;
}

/** @param ownedAt of the mark @param now both epoch milliseconds, of clocks of two nodes */
export function holds(ownedAt: number, now: number): boolean {
  return now - ownedAt < MARK_VALID_MS && now - ownedAt >= -CLOCK_DIFFERENCE_MS;
}
