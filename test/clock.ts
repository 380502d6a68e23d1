import { type Clock, systemClock, type Timer } from "../runtime/clock.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
}

/** Time that moves only from event to event: what happens depends on nothing but its inputs. */
export interface VirtualClock extends Clock {
  /** Runs events in the order of their time, and promises between them, until `stop` says so or nothing is left. */
  run(stop: () => boolean): Promise<void>;
  /** Runs what is due within `ms`, and promises before, between and after it. */
  advance(ms: number): Promise<void>;
}

/** The wall clock at the beginning. */
const START = Date.parse("2026-01-01T00:00:00Z");

export function createVirtualClock(): VirtualClock {
  const heap: Event[] = [];
  let now = 0;
  let order = 0;

  const timer = (ms: number, callback: () => void): Timer => {
    const event: Event = { at: now + Math.max(0, ms), order, run: callback };
    order += 1;
    push(heap, event);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  };
  const step = async (): Promise<void> => {
    const event = pop(heap);
    if (event === undefined || event.run === null) return;
    now = event.at;
    event.run();
    await settle();
  };
  return {
    now: () => now,
    wall: () => START + now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const { cancel } = timer(ms, resolve);
        signal?.addEventListener("abort", () => {
          cancel();
          reject(signal.reason);
        });
      }),
    timer,
    run: async (stop) => {
      await settle();
      while (heap.length > 0 && !stop()) await step();
    },
    advance: async (ms) => {
      const until = now + ms;
      await settle();
      while (heap.length > 0 && (heap[0] as Event).at <= until) await step();
      now = until;
    },
  };
}

/**
 * A clock, set forward by hand at once and without running anything: the system's for what waits on sockets, which virtual
 * time would not wait for, or a virtual one for what asks for the time alone.
 */
export function adjustableClock(base: Clock = systemClock): Clock & { advance(ms: number): void } {
  let skipped = 0;
  return {
    ...base,
    now: () => base.now() + skipped,
    wall: () => base.wall() + skipped,
    advance: (ms) => {
      skipped += ms;
    },
  };
}

/** Every promise job, and those that they start, run before the next immediate. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let index = heap.length;
  heap.push(event);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!before(event, heap[parent] as Event)) break;
    heap[index] = heap[parent] as Event;
    index = parent;
  }
  heap[index] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
    if (!before(heap[child] as Event, last)) break;
    heap[index] = heap[child] as Event;
    index = child;
  }
  heap[index] = last;
  return first;
}
