import { type Clock, systemClock } from "../../../runtime/clock.ts";

/** The system's clock, set forward by hand. */
export function adjustableClock(): Clock & { advance(ms: number): void } {
  let skipped = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + skipped,
    wall: () => systemClock.wall() + skipped,
    advance: (ms) => {
      skipped += ms;
    },
  };
}
