import type { Clock } from "../../runtime/clock.ts";
import { ApiError, isForbidden, isNotFound } from "../../runtime/kube/errors.ts";

/** How loudly a failure in a row is told. */
export type Loudness = "debug" | "info" | "warn";

/** What is known of a row of failures. Milliseconds. */
export interface FailureRow {
  readonly first: boolean;
  readonly lastingMs: number;
  /** Since the last warning; undefined before the first. */
  readonly warnedMs: number | undefined;
}

/** A watch that is interrupted for less is nobody's business: API servers restart. */
const LASTING_MS = 60_000;
const REMIND_MS = 10 * 60_000;

/**
 * A refusal is warned of at once, for nothing but a change by somebody ends it, and any other failure when it lasts; both again
 * from time to time.
 */
export function loudness(error: unknown, { first, lastingMs, warnedMs }: FailureRow): Loudness {
  if (warnedMs === undefined ? isRefused(error) || lastingMs >= LASTING_MS : warnedMs >= REMIND_MS) return "warn";
  return first ? "info" : "debug";
}

const isRefused = (error: unknown): boolean => isForbidden(error) || isNotFound(error);

/** A failure in few words, and what can be done about it. */
export function failureWords(error: unknown): string {
  if (isForbidden(error)) return "403 Forbidden: does the namespace exist, and is the operator's role bound there?";
  if (isNotFound(error)) return "404 NotFound: is its definition installed?";
  if (error instanceof ApiError) return `${error.status} ${error.reason}`.trim();
  return error instanceof Error ? error.message : String(error);
}

/** The failures of one watch in a row, from the first up to a success. */
export class Failures {
  readonly #clock: Clock;
  #words: string | undefined;
  #since = 0;
  #warnedAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What fails now; undefined while nothing does. */
  words(): string | undefined {
    return this.#words;
  }

  add(error: unknown): Loudness {
    const now = this.#clock.now();
    const first = this.#words === undefined;
    if (first) this.#since = now;
    this.#words = failureWords(error);
    const warnedMs = this.#warnedAt === undefined ? undefined : now - this.#warnedAt;
    const level = loudness(error, { first, lastingMs: now - this.#since, warnedMs });
    if (level === "warn") this.#warnedAt = now;
    return level;
  }

  /** Ends the row. Says whether anybody was warned of it. */
  end(): boolean {
    const warned = this.#warnedAt !== undefined;
    this.#words = undefined;
    this.#warnedAt = undefined;
    return warned;
  }
}
