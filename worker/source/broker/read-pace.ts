/** Other sockets and timers get their turn after this many bytes. */
const BYTES_PER_TURN = 256 * 1024;

/**
 * Says when a socket may be read on. It is never left unread for want of memory: permits bound what messages may come, and
 * behind them may be receipts, answers to pings, and the news that another worker is active.
 */
export interface ReadPace {
  /** After `length` bytes: false when the socket must not be read until `resume` was called. */
  readOn(length: number): boolean;
  close(): void;
}

export function createReadPace(resume: () => void): ReadPace {
  let bytes = 0;
  let closed = false;

  const goOn = (): void => {
    bytes = 0;
    if (!closed) resume();
  };

  return {
    readOn(length) {
      bytes += length;
      if (bytes < BYTES_PER_TURN) return true;
      setImmediate(goOn);
      return false;
    },
    close() {
      closed = true;
    },
  };
}
