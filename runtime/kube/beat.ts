/**
 * Milliseconds between two reports of a worker when nothing changes, and between two writes of totals alone: max(10 s, N²/40 s)
 * for N replicas. Each write costs the API server in proportion to the number of workers.
 */
export function beatMs(replicas: number): number {
  return Math.max(10_000, (replicas * replicas * 1000) / 40);
}
