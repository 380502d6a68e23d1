import type { Clock, Timer } from "../../../runtime/clock.ts";

const PING_INTERVAL_MS = 5_000;
/** A broker that is silent for this long is dead: it answers pings. */
export const SILENCE_MS = 10_000;
/** A timer that fires this late tells of a long turn of this process, not of a silent broker. */
const LATE_MS = 1_000;

/** Asks a peer for signs of life. */
export interface KeepAlive {
  start(): void;
  end(): void;
}

export function createKeepAlive(options: {
  readonly clock: Clock;
  /** `Clock.now()` of the last bytes received. */
  readonly heardAt: () => number;
  readonly ping: () => void;
  /** Called once; nothing is asked after it. */
  readonly onSilent: () => void;
}): KeepAlive {
  const { clock } = options;
  let timer: Timer | null = null;

  const check = (expectedAt: number): void => {
    const now = clock.now();
    if (isSilent(options.heardAt(), now, expectedAt)) {
      options.onSilent();
      return;
    }
    options.ping();
    timer = clock.timer(PING_INTERVAL_MS, () => check(now + PING_INTERVAL_MS));
  };

  return {
    start: () => check(clock.now()),
    end: () => timer?.cancel(),
  };
}

/** Times of `Clock.now()`; `expectedAt` is when this look was due. */
function isSilent(heardAt: number, now: number, expectedAt: number): boolean {
  return now - heardAt > SILENCE_MS && now - expectedAt < LATE_MS;
}
