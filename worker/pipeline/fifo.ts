/** A queue whose `shift` costs the same however long it is. */
export interface Fifo<T> {
  readonly length: number;
  push(value: T): void;
  peek(): T | undefined;
  shift(): T | undefined;
  /** Puts a value before the first one. */
  unshift(value: T): void;
  clear(): void;
  [Symbol.iterator](): Iterator<T>;
}

const COMPACT_AT = 1024;

export function createFifo<T>(): Fifo<T> {
  let values: (T | undefined)[] = [];
  let head = 0;
  return {
    get length() {
      return values.length - head;
    },
    push: (value) => {
      values.push(value);
    },
    peek: () => values[head],
    shift: () => {
      if (head === values.length) return undefined;
      const value = values[head];
      // It would stay alive until the queue is empty or compacted, which under load is a thousand deliveries later.
      values[head] = undefined;
      head += 1;
      if (head === values.length) {
        values.length = 0;
        head = 0;
      } else if (head >= COMPACT_AT && head * 2 >= values.length) {
        // Moved at most once per value, so the cost stays constant per shift.
        values = values.slice(head);
        head = 0;
      }
      return value;
    },
    unshift: (value) => {
      if (head === 0) values.unshift(value);
      else {
        head -= 1;
        values[head] = value;
      }
    },
    clear: () => {
      values = [];
      head = 0;
    },
    *[Symbol.iterator]() {
      for (let index = head; index < values.length; index += 1) yield values[index] as T;
    },
  };
}
