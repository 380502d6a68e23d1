import { empty, partRule, type Rule } from "./rule.ts";

/** Twins of the rules about spec.autoscaling. */
export const autoscalingRules: readonly Rule[] = [
  partRule(
    "ReplicaBounds",
    "spec.autoscaling",
    "spec.autoscaling.minReplicas",
    "minReplicas must not exceed maxReplicas: lower the first or raise the second",
    ({ autoscaling }) => autoscaling === undefined || autoscaling.minReplicas <= autoscaling.maxReplicas,
  ),
  partRule(
    "TargetRequired",
    "spec.autoscaling",
    "spec.autoscaling.targetLagSeconds",
    "nothing to scale by: give targetLagSeconds, targetBacklogMessages or both",
    ({ autoscaling }) =>
      autoscaling === undefined ||
      autoscaling.targetLagSeconds !== undefined ||
      autoscaling.targetBacklogMessages !== undefined,
  ),
  partRule(
    "BacklogNeedsAdminUrl",
    "spec",
    "spec.autoscaling.targetBacklogMessages",
    "targetBacklogMessages needs spec.pulsar.adminUrl, where the backlog is asked for: give it, or use targetLagSeconds",
    ({ autoscaling, pulsar }) => autoscaling?.targetBacklogMessages === undefined || !empty(pulsar.adminUrl),
  ),
];
