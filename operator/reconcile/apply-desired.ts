import type { Blocked } from "../status/observed.ts";
import { failedCause } from "./api-causes.ts";
import { applyChildren } from "./apply-children.ts";
import { claimChildren } from "./claim-children.ts";
import type { Context, Step } from "./context.ts";
import { deleteStaleChildren } from "./delete-stale-children.ts";
import { holdFinalizer } from "./hold-finalizer.ts";
import { plan } from "./plan.ts";
import { pruneConfigMaps } from "./prune-config-maps.ts";
import { scaleDeployment } from "./scale-deployment.ts";

/**
 * On the way to the desired objects, in this order: what is to be, then stop or scale, then what guards the rest, then the
 * children, then what is no longer asked for. The first cause ends it.
 */
const STEPS: readonly Step[] = [
  plan,
  scaleDeployment,
  ({ refused }) => refused,
  holdFinalizer,
  claimChildren,
  applyChildren,
  deleteStaleChildren,
  pruneConfigMaps,
];

export interface Applied {
  /** What kept it from being done, for the status. */
  readonly blocked: Blocked;
  /** For the queue, which tries again. */
  readonly error?: unknown;
}

/** Brings the sink's objects to what its spec says, as far as that can be. Throws what no status is to tell of. */
export async function applyDesired(context: Context): Promise<Applied> {
  try {
    for (const step of STEPS) {
      const refused = await step(context);
      if (refused) return { blocked: { refused } };
    }
    return { blocked: {} };
  } catch (error) {
    const failed = failedCause(error);
    if (!failed) throw error;
    return { blocked: { failed }, error };
  }
}
