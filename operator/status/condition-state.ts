import type { OperatorReason } from "../../crds/reasons.ts";
import type { ConditionStatus } from "../../crds/status-values.ts";

/** A condition without its type and times. */
export interface ConditionState {
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

/** The definition's limit for a condition's message is 4096 characters; nobody reads as many. */
const MESSAGE_LIMIT = 1024;

/** The definition's pattern for a reason. Kubernetes' own reasons fit, but nobody promises it of all. */
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]{0,126}[A-Za-z0-9_])?$/;

/** For a reason of the operator's own, which is documented. */
export function ownState(status: ConditionStatus, reason: OperatorReason, message: string): ConditionState {
  return conditionState(status, reason, message);
}

export function conditionState(status: ConditionStatus, reason: string, message: string): ConditionState {
  return {
    status,
    reason: REASON.test(reason) ? reason : "Other",
    message: message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT - 1)}…` : message,
  };
}
