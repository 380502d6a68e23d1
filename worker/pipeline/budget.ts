import type { ReceiveBudget } from "../source/source.ts";

/** The pipeline's side of the receive budget: the source takes, the pipeline releases. */
export interface Budget extends ReceiveBudget {
  /** Bytes. */
  readonly total: number;
  /** Bytes; above `total` after a delivery that was larger than expected. */
  readonly used: number;
  release(bytes: number): void;
}

/** Whoever waits for other records beyond it could hold up what is still to be received. */
export function isHalfUsed({ used, total }: Budget): boolean {
  return used * 2 > total;
}

/** @param total bytes that received messages may retain; at least 1 */
export function createBudget(total: number): Budget {
  if (!(total >= 1)) throw new RangeError(`the receive budget must be at least 1 byte, not ${total}`);
  let used = 0;
  let listener: (() => void) | null = null;
  return {
    total,
    get used() {
      return used;
    },
    get free() {
      return total - used;
    },
    take: (bytes) => {
      used += bytes;
    },
    release: (bytes) => {
      if (bytes === 0) return;
      used -= bytes;
      listener?.();
    },
    onRelease: (callback) => {
      listener = callback;
    },
  };
}
