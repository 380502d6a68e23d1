/** Whether workers of a sink were subscribed to all of its topics before this one began, as the sink's status tells. */
import type { KinesisSinkStatus } from "../../crds/kinesissink.generated.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";

/** The first report is written when the worker begins; without an API server messages must flow all the same. Milliseconds. */
const KNOWN_WITHIN_MS = 30_000;

export interface SubscribedBefore {
  /** To be called with the status whenever it was read. The first one counts: later ones tell of this worker, too. */
  seen(status: KinesisSinkStatus): void;
  /** False when no status was read within half a minute. */
  known(): Promise<boolean>;
}

/** @param source hash of what this worker subscribes to (`sourceHash`) */
export function createSubscribedBefore(source: string, clock: Clock, log: Logger): SubscribedBefore {
  const first = Promise.withResolvers<boolean>();
  return {
    seen: ({ subscribed }) => first.resolve(subscribed === source),
    known: async () => {
      const timer = clock.timer(KNOWN_WITHIN_MS, () => {
        log.warn("the sink's status cannot be read: topics without a subscription are read from their end", {});
        first.resolve(false);
      });
      try {
        return await first.promise;
      } finally {
        timer.cancel();
      }
    },
  };
}
