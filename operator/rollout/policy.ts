/** Part of a Kubernetes label selector (`meta/v1`), all of which must hold. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values?: readonly string[];
}

/** How a change that came with the operator, and not with a sink, is to reach the sinks that run. */
export interface RolloutPolicy {
  /** Sinks that roll at the same time: a number of them, or a percentage of those that run. */
  readonly maxConcurrent: { readonly sinks: number } | { readonly percent: number };
  /** No further sink begins. */
  readonly paused: boolean;
  /** Sinks that go first; undefined for none. */
  readonly canaries: LabelSelector | undefined;
  /** No further sink begins while this many of those that rolled did not become Ready. */
  readonly maxFailures: number;
}

/** Whether labels are selected. A selector without a requirement selects nothing: who names no canaries wants none. */
export function selects(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const pairs = Object.entries(matchLabels);
  if (pairs.length + matchExpressions.length === 0) return false;
  return (
    pairs.every(([name, value]) => labels[name] === value) &&
    matchExpressions.every((requirement) => holds(requirement, labels))
  );
}

function holds({ key, operator, values = [] }: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[key];
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  const among = value !== undefined && values.includes(value);
  return operator === "In" ? among : !among;
}
