import type { Clock, Timer } from "../../../runtime/clock.ts";

/** Other sockets and timers get their turn after this many bytes. */
const BYTES_PER_TURN = 256 * 1024;
/** No pause is longer, or the broker's pings would go unanswered. */
const LONGEST_PAUSE_MS = 2_000;
const LOOK_MS = 10;

/** Says when a socket may be read on. */
export interface ReadPace {
  /** After `length` bytes: false when the socket must not be read until `resume` was called. */
  readOn(length: number): boolean;
  close(): void;
}

/** `congested` is true while memory is so short that nothing more should be read. */
export function createReadPace(options: {
  readonly congested: () => boolean;
  readonly clock: Clock;
  readonly resume: () => void;
}): ReadPace {
  const { congested, clock } = options;
  let bytes = 0;
  let closed = false;
  let timer: Timer | null = null;

  const resume = (): void => {
    timer = null;
    bytes = 0;
    if (!closed) options.resume();
  };

  const look = (until: number): void => {
    if (!congested() || clock.now() >= until) resume();
    else timer = clock.timer(LOOK_MS, () => look(until));
  };

  return {
    readOn(length) {
      bytes += length;
      if (congested()) {
        const until = clock.now() + LONGEST_PAUSE_MS;
        timer ??= clock.timer(LOOK_MS, () => look(until));
        return false;
      }
      if (bytes < BYTES_PER_TURN) return true;
      setImmediate(resume);
      return false;
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
