import type { Reflector } from "../kube/reflector.ts";

/** A collection that cannot be listed or watched now. */
export interface WatchFailure {
  /** Its plural, such as `pods`. */
  readonly resource: string;
  readonly why: string;
}

/** What the watches of one namespace, or of all together, are at. */
export interface ScopeState {
  /** Undefined for all. */
  readonly namespace: string | undefined;
  /** Every collection was listed: before that, what is absent may only be unknown. */
  readonly synced: boolean;
  readonly failures: readonly WatchFailure[];
}

/** A reflector and the plural of what it mirrors. */
export interface NamedReflector {
  readonly resource: string;
  readonly reflector: Reflector;
}

export function scopeState(namespace: string | undefined, reflectors: readonly NamedReflector[]): ScopeState {
  return {
    namespace,
    synced: reflectors.every(({ reflector }) => reflector.synced()),
    failures: reflectors.flatMap(({ resource, reflector }) => {
      const why = reflector.failure();
      return why === undefined ? [] : [{ resource, why }];
    }),
  };
}
