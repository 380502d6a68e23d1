/** The other workers of a sink in a cluster, as far as a hand-over goes: by marks in the sink's Lease object. */
import type { Clock } from "../../runtime/clock.ts";
import { isForbidden, isNotFound } from "../../runtime/kube/errors.ts";
import type { Logger } from "../../runtime/log.ts";
import { type LeftTopic, MARK_VALID_MS, type Peers } from "../pipeline/peers.ts";
import { MarkStore, type MarksOptions } from "./marks.ts";

/** What is left or looked for at about the same time goes in one request. */
const TOGETHER_MS = 10;
/** The end of a worker waits for its marks no longer than this. */
const LEAVE_WITHIN_MS = 1_500;
const REQUEST_WITHIN_MS = 1_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 400;
/** A mark that comes later than this after a hand-over is too old by then. */
const TAKE_WITHIN_MS = MARK_VALID_MS + 1_500;

export interface PeersOptions extends MarksOptions {
  readonly log: Logger;
  /** 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
  /** How much longer a new owner has to wait for one of a former release, as of now; 0 when there are none. Milliseconds. */
  readonly extraWaitMs: () => number;
}

export function createPeers(options: PeersOptions): Peers {
  return new LeasePeers(options);
}

interface Leaving {
  readonly left: LeftTopic[];
  readonly written: Promise<boolean>;
}

interface Taking {
  readonly topic: string;
  /** `Clock.now()` */
  readonly until: number;
  readonly resolve: (taken: boolean) => void;
}

class LeasePeers implements Peers {
  readonly #options: PeersOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #marks: MarkStore;
  /** What goes with the next request. */
  #leaving: Leaving | null = null;
  readonly #taking = new Set<Taking>();
  /** How long to wait before marks are looked for again. */
  #pauseMs = TOGETHER_MS;
  #isLooking = false;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#random = options.random ?? Math.random;
    this.#marks = new MarkStore(options);
  }

  get extraWaitMs(): number {
    return this.#options.extraWaitMs();
  }

  leave(left: readonly LeftTopic[]): Promise<boolean> {
    this.#leaving ??= this.#beginLeaving();
    this.#leaving.left.push(...left);
    return this.#leaving.written;
  }

  take(topic: string, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const taking: Taking = { topic, until: this.#clock.now() + TAKE_WITHIN_MS, resolve };
    signal.addEventListener("abort", () => this.#end(taking, false), { once: true });
    this.#taking.add(taking);
    this.#pauseMs = TOGETHER_MS;
    if (!this.#isLooking) void this.#look();
    return promise;
  }

  #beginLeaving(): Leaving {
    const left: LeftTopic[] = [];
    return { left, written: this.#clock.sleep(TOGETHER_MS).then(() => this.#write(left)) };
  }

  async #write(left: readonly LeftTopic[]): Promise<boolean> {
    this.#leaving = null;
    const { log } = this.#options;
    const until = this.#clock.now() + LEAVE_WITHIN_MS;
    let failure: unknown = null;
    for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
      try {
        return await this.#within(until - this.#clock.now(), (signal) => this.#marks.write(left, signal));
      } catch (error) {
        failure = error;
        if (isForbidden(error) || isNotFound(error)) break;
      }
      // Many workers may end at once.
      const rest = pause * (0.5 + this.#random());
      if (this.#clock.now() + rest >= until) break;
      await this.#clock.sleep(rest);
    }
    const cost = "whoever takes over waits before its first write";
    log.warn(`that topic-partitions are left clean could not be told: ${cost}`, { error: failure, count: left.length });
    return false;
  }

  /** Looks for the marks that are waited for, until there is none to wait for. */
  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#taking.size > 0) {
      await this.#clock.sleep(this.#pauseMs);
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
      const now = this.#clock.now();
      for (const taking of this.#taking) if (now > taking.until) this.#end(taking, false);
      // A worker of a former release writes by its own rule, mark or not.
      if (this.#taking.size === 0 || this.extraWaitMs > 0) continue;
      await this.#takeThere().catch((error: unknown) => {
        this.#options.log.debug("marks of hand-overs could not be read", { error });
      });
    }
    this.#isLooking = false;
  }

  async #takeThere(): Promise<void> {
    const topics = [...this.#taking].map(({ topic }) => topic);
    const marks = await this.#within(REQUEST_WITHIN_MS, (signal) => this.#marks.read(topics, signal));
    if (marks.size === 0) return;
    const all = await this.#within(REQUEST_WITHIN_MS, (signal) => this.#marks.take(marks.values(), signal));
    for (const [topic, mark] of marks) {
      // Another worker took one of them.
      const taken =
        all ||
        (marks.size > 1 && (await this.#within(REQUEST_WITHIN_MS, (signal) => this.#marks.take([mark], signal))));
      if (!taken) continue;
      for (const taking of this.#taking) if (taking.topic === topic) this.#end(taking, true);
    }
  }

  #end(taking: Taking, taken: boolean): void {
    this.#taking.delete(taking);
    taking.resolve(taken);
  }

  async #within<T>(ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const timer = this.#clock.timer(ms, () => controller.abort(new Error(`no answer within ${ms} ms`)));
    try {
      return await call(controller.signal);
    } finally {
      timer.cancel();
    }
  }
}
