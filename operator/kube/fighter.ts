import { PROGRAM } from "../program.ts";
import type { ManagedFields } from "./objects.ts";

/** Its controllers write statuses and annotations of objects; but by `scale` it is a HorizontalPodAutoscaler. */
const CONTROLLERS = "kube-controller-manager";

/** Who changed an object against the operator, by its field managers, in words. */
export function fighterOf(managers: readonly ManagedFields[]): string {
  const candidates = managers.filter(
    ({ manager, subresource }) => subresource !== "status" && (manager !== CONTROLLERS || subresource === "scale"),
  );
  const fighter = scaler(candidates) ?? candidates.sort((a, b) => rank(b).localeCompare(rank(a)))[0];
  if (!fighter) return "somebody";
  if (isOurs(fighter)) return `field manager ${PROGRAM}: does another operator serve this sink?`;
  const by = `field manager ${fighter.manager ?? "unknown"}`;
  return setsReplicas(fighter)
    ? `${by}, which sets spec.replicas: an autoscaler is to scale the KinesisSink, not its Deployment`
    : by;
}

const isOurs = ({ manager }: ManagedFields): boolean => manager === PROGRAM;

/** Whoever gives a field another value takes it from its manager, so the one who took replicas from the operator is certain. */
function scaler(candidates: readonly ManagedFields[]): ManagedFields | undefined {
  const scalers = candidates.filter(setsReplicas);
  return scalers.some(isOurs) ? undefined : scalers[0];
}

/**
 * By time, which is in seconds; of one second the operator's own comes last. The API server gives no time to the entry of a new
 * manager that came by `scale` (ScaleHandler.ToParent), so none is as good as now.
 */
function rank(managed: ManagedFields): string {
  return `${managed.time ?? (isOurs(managed) ? "" : "~")} ${isOurs(managed) ? 0 : 1}`;
}

function setsReplicas({ fieldsV1 }: ManagedFields): boolean {
  const spec = (fieldsV1 as { "f:spec"?: object } | undefined)?.["f:spec"];
  return spec !== undefined && "f:replicas" in spec;
}
