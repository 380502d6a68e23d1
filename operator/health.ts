import type { ScopeState } from "./cluster/scope.ts";

export interface Readiness {
  readonly ready: boolean;
  /** Plain text: what is not as it should be, a line each. */
  readonly body: string;
}

/**
 * A leader is ready once it sees everything, except where it is kept from it: a namespace that it may not see holds up its own
 * sinks alone. One that sees nothing is not ready.
 */
export function leaderReadiness(scopes: readonly ScopeState[]): Readiness {
  const settled = scopes.every(({ synced, failures }) => synced || failures.length > 0);
  const ready = settled && scopes.some(({ synced }) => synced);
  return { ready, body: `${[ready ? "ok" : "the watches are not in sync", ...scopes.flatMap(lines)].join("\n")}\n` };
}

function lines({ namespace, synced, failures }: ScopeState): string[] {
  const where = namespace === undefined ? "all namespaces" : `namespace ${namespace}`;
  const so = synced ? "what was seen last holds" : "its sinks wait";
  return failures.map(({ resource, why }) => `${where}: ${resource} cannot be listed and watched, ${so}: ${why}`);
}
