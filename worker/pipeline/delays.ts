import type { Clock, Timer } from "../../runtime/clock.ts";

/** Values that become due later; one timer for all of them. */
export interface Delays<T> {
  readonly length: number;
  /** @param at `Clock.now()` at which the value is due */
  add(value: T, at: number): void;
  close(): void;
}

interface Entry<T> {
  readonly at: number;
  readonly value: T;
}

/**
 * @param due called for each value that is due, earliest first
 * @param settled called once after a run of `due`
 */
export function createDelays<T>(clock: Clock, due: (value: T) => void, settled: () => void): Delays<T> {
  const heap: Entry<T>[] = [];
  let timer: Timer | null = null;
  let timerAt = Number.POSITIVE_INFINITY;

  const arm = (): void => {
    const first = heap[0];
    if (first === undefined || first.at >= timerAt) return;
    timer?.cancel();
    timerAt = first.at;
    timer = clock.timer(Math.max(0, first.at - clock.now()), run);
  };
  const run = (): void => {
    timer = null;
    timerAt = Number.POSITIVE_INFINITY;
    const now = clock.now();
    let any = false;
    for (let first = heap[0]; first !== undefined && first.at <= now; first = heap[0]) {
      removeFirst(heap);
      any = true;
      due(first.value);
    }
    arm();
    if (any) settled();
  };
  return {
    get length() {
      return heap.length;
    },
    add: (value, at) => {
      insert(heap, { at, value });
      arm();
    },
    close: () => {
      timer?.cancel();
      timer = null;
      // No add after this arms a timer.
      timerAt = Number.NEGATIVE_INFINITY;
      heap.length = 0;
    },
  };
}

function insert<T>(heap: Entry<T>[], entry: Entry<T>): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as Entry<T>;
    if (above.at <= entry.at) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = entry;
}

function removeFirst<T>(heap: Entry<T>[]): void {
  const last = heap.pop() as Entry<T>;
  const length = heap.length;
  if (length === 0) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= length) break;
    if (child + 1 < length && (heap[child + 1] as Entry<T>).at < (heap[child] as Entry<T>).at) child += 1;
    const below = heap[child] as Entry<T>;
    if (below.at >= last.at) break;
    heap[index] = below;
    index = child;
  }
  heap[index] = last;
}
