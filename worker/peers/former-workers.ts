/** Whether workers of a former release run beside this one, as the sink's status tells. */
import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { HANDOVER_WAIT_MS } from "../pipeline/ordered/fencing.ts";

/**
 * Those that do not tell their version write for so long after they heard anything of their broker, and keep requests open
 * for `requestTimeout` beyond it. Milliseconds.
 */
const FORMER_LEASE_MS = 10_000;

export interface FormerWorkers {
  /** To be called with `status.workers` whenever it was read. */
  seen(workers: readonly WorkerStatus[]): void;
  /** How much longer than for its like a new owner has to wait, milliseconds. While nothing was read, as if there were some. */
  readonly extraWaitMs: number;
}

export function createFormerWorkers(requestTimeoutMs: number): FormerWorkers {
  const extraMs = FORMER_LEASE_MS + requestTimeoutMs - HANDOVER_WAIT_MS;
  let some = true;
  return {
    seen: (workers) => {
      some = workers.some(({ version }) => version === undefined);
    },
    get extraWaitMs() {
      return some ? extraMs : 0;
    },
  };
}
