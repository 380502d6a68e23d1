import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import type { Cause, DeploymentCondition, Observed, ObservedDeployment, ObservedPod } from "./observed.ts";
import { staleCause } from "./stale.ts";

/** A cause that needs help goes before one that may pass, and what pods say before what their Deployment says. */
export function gravestCause(current: readonly ObservedPod[], observed: Observed, desired: number): Cause | undefined {
  const told = rollout(observed.deployment);
  const causes = current.filter((pod) => !pod.ready).flatMap((pod) => causeOf(pod, observed) ?? []);
  const first = causes.find((cause) => cause.stalls) ?? causes[0];
  const creation = current.length < desired ? replicaFailure(told) : undefined;
  if (creation && !first?.stalls) return creation;
  const stuck = stuckRollout(told);
  if (!stuck) return first ?? silentCause(current, observed);
  return first ? { ...first, stalls: true } : stuck;
}

/** What the Deployment says of the present rollout: those of an earlier generation tell of what was asked for before. */
function rollout(deployment: ObservedDeployment | undefined): readonly DeploymentCondition[] {
  return deployment && deployment.observedGeneration >= deployment.generation ? deployment.conditions : [];
}

/** A container that does not run cannot report, so its report is old and Kubernetes knows better. */
function causeOf(pod: ObservedPod, observed: Observed): Cause | undefined {
  const report = observed.workers.find((worker) => worker.pod === pod.name);
  const stale = observed.stale.find((one) => one.pod === pod.name);
  if (!pod.cause && report && !stale) {
    const reported = reportedCause(report);
    if (reported) return reported;
  }
  const cause = pod.cause ?? pod.suspectedCause;
  if (cause) return { ...cause, message: `${pod.name}: ${cause.message}` };
  return stale && staleCause(stale, report);
}

/** The probe of a ready pod says that it works; that it cannot be heard of is told all the same. */
function silentCause(current: readonly ObservedPod[], observed: Observed): Cause | undefined {
  for (const { name } of current) {
    const stale = observed.stale.find(({ pod }) => pod === name);
    if (stale)
      return staleCause(
        stale,
        observed.workers.find(({ pod }) => pod === name),
      );
  }
  return undefined;
}

/** What a worker's report complains about. */
export function reportedCause(report: WorkerStatus): Cause | undefined {
  if (report.state !== "Waiting" && report.state !== "Stalled") return undefined;
  const { poison } = report;
  const why = report.message ?? (poison ? `message ${poison.messageId} of ${poison.topic}: ${poison.reason}` : "");
  return {
    reason: report.reason ?? (poison ? "PoisonMessage" : `Worker${report.state}`),
    message: `${report.pod}: ${why || "the worker gives no cause: see its log"}`,
    stalls: report.state === "Stalled",
  };
}

/** The ReplicaSet may not create pods: a quota, Pod Security, an admission webhook. */
function replicaFailure(told: readonly DeploymentCondition[]): Cause | undefined {
  const found = told.find(({ type, status }) => type === "ReplicaFailure" && status === "True");
  if (!found) return undefined;
  const reason = found.message.includes("violates PodSecurity")
    ? "PodSecurityViolation"
    : found.message.includes("exceeded quota")
      ? "QuotaExceeded"
      : found.reason || "FailedCreate";
  return { reason, message: `pods cannot be created: ${found.message}`, stalls: true };
}

function stuckRollout(told: readonly DeploymentCondition[]): Cause | undefined {
  const found = told.find(({ type, status }) => type === "Progressing" && status === "False");
  // A Deployment that may not create pods is not progressing either; ReplicaFailure says why.
  if (found?.reason !== "ProgressDeadlineExceeded") return undefined;
  return {
    reason: found.reason,
    message: `the workers did not become ready in time: ${found.message}; see their logs`,
    stalls: true,
  };
}
