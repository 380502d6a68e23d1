/**
 * Milliseconds between two writes of a sink's status that bring nothing but numbers: max(10 s, N²/40 s) for N replicas. Workers
 * report by it, and the operator sums up. Each write costs the API server in proportion to N, so that N workers with a
 * constant beat would cost it N².
 */
export function beatMs(replicas: number): number {
  return Math.max(10_000, (replicas * replicas * 1000) / 40);
}
