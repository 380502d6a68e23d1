import type { Clock } from "../clock.ts";
import { type ApplyOptions, serverSideApply, type Target } from "./apply.ts";
import type { KubeClient } from "./client.ts";
import { ApiError } from "./errors.ts";

/** An object of which only the status is written. */
export interface StatusObject {
  readonly metadata: object;
  readonly status: object;
}

export interface AppliedStatus<T> {
  /** The object as it is now. */
  readonly object: T;
  /**
   * Paths of what the served definition has no place for and that was left out, each the first time only. `[]` is every item of
   * a list, `[type=NAME]` a condition.
   */
  readonly leftOut: readonly string[];
}

/** Server-side apply of a status, on behalf of one program. */
export interface StatusApply {
  apply<T>(
    client: KubeClient,
    target: Target,
    object: StatusObject,
    options: Omit<ApplyOptions, "subresource">,
  ): Promise<AppliedStatus<T>>;
}

/** The definition may have been brought up to date meanwhile, milliseconds. */
const FORGET_MS = 10 * 60_000;
/** The server names one field of each object at a time. */
const MAX_ATTEMPTS = 10;

/**
 * For a definition that is older than the program, or not brought up to date with it: the API server then refuses a whole
 * status for one field that it does not know. That field is left out, and the rest written.
 */
export function createStatusApply(clock: Clock): StatusApply {
  return new LenientStatusApply(clock);
}

class LenientStatusApply implements StatusApply {
  readonly #clock: Clock;
  readonly #told = new Set<string>();
  #lacking = new Set<string>();
  /** Monotonic milliseconds. */
  #learnedAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async apply<T>(
    client: KubeClient,
    target: Target,
    object: StatusObject,
    options: Omit<ApplyOptions, "subresource">,
  ): Promise<AppliedStatus<T>> {
    if (this.#clock.now() - this.#learnedAt > FORGET_MS) this.#lacking = new Set();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const known = this.#lacking.size === 0 ? object : withoutPaths(object, this.#lacking);
        const written = await serverSideApply<T>(client, target, known, { ...options, subresource: "status" });
        return { object: written, leftOut: this.#tellOnce() };
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !this.#learn(error)) throw error;
      }
    }
  }

  /** False when the error says nothing new of the definition. */
  #learn(error: unknown): boolean {
    const fresh = lackingPaths(error).filter((path) => !this.#lacking.has(path));
    if (fresh.length === 0) return false;
    for (const path of fresh) this.#lacking.add(path);
    this.#learnedAt = this.#clock.now();
    return true;
  }

  #tellOnce(): string[] {
    const news = [...this.#lacking].filter((path) => !this.#told.has(path));
    for (const path of news) this.#told.add(path);
    return news;
  }
}

/** `.status.workers[pod="x"].mood: field not declared in schema`, once for each object that has such a field. */
const UNDECLARED = /((?:\.[\w-]+|\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\])+): field not declared in schema/g;
/** A type of condition in a definition that lists them. */
const UNLISTED = /status\.conditions\[\d+\]\.type: Unsupported value: "(\w+)"/g;

/** What an answer of the API server says that the served definition has no place for in a status. */
export function lackingPaths(error: unknown): string[] {
  if (!(error instanceof ApiError)) return [];
  const undeclared = error.status === 500 ? [...error.message.matchAll(UNDECLARED)] : [];
  const unlisted = error.status === 422 ? [...error.message.matchAll(UNLISTED)] : [];
  const paths = [
    ...undeclared.map(([, path = ""]) => path.replaceAll(/\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\]/g, "[]").slice(1)),
    ...unlisted.map(([, type]) => `status.conditions[type=${type}]`),
  ];
  return [...new Set(paths)].filter((path) => path.startsWith("status."));
}

/** A copy without what the paths name. */
export function withoutPaths<T extends object>(object: T, paths: ReadonlySet<string>): T {
  return copy(object, "", paths) as T;
}

function copy(value: unknown, path: string, paths: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = value.filter((item: { type?: unknown }) => !paths.has(`${path}[type=${item?.type}]`));
    return items.map((item) => copy(item, `${path}[]`, paths));
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, part]) => {
    const here = path === "" ? name : `${path}.${name}`;
    return paths.has(here) ? [] : [[name, copy(part, here, paths)] as const];
  });
  return Object.fromEntries(entries);
}
