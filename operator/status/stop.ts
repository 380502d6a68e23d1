import type { OperatorReason } from "../../crds/reasons.ts";
import { type ConditionState, conditionState } from "./condition-state.ts";
import type { Facts } from "./facts.ts";

/** Present once a stop that somebody asked for is reached: no worker runs any more, and none will. */
export function paused(facts: Facts): ConditionState | undefined {
  if (!facts.stopped || facts.observed.sink.metadata.deletionTimestamp !== undefined) return undefined;
  const { reason, message } = wishedStop(facts);
  return conditionState("True", reason, message);
}

/** Why no worker is to run. */
export function wishedStop({ observed }: Facts): { reason: string; message: string } {
  return observed.sink.spec.paused
    ? {
        reason: "Paused" satisfies OperatorReason,
        message: observed.sink.pausedBy ?? "spec.paused is true: messages wait in Pulsar until it is false",
      }
    : {
        reason: "ScaledToZero" satisfies OperatorReason,
        message: "spec.replicas is 0: messages wait in Pulsar until it is raised",
      };
}
