const MiB = 1024 * 1024;
const LEAST = 8 * MiB;
const MOST = 64 * MiB;

/**
 * Bytes that received messages may retain, of the memory the process may use (`process.constrainedMemory()`, 0 when
 * nothing limits it). An eighth: the records made of the messages, requests, and what the collector has not freed yet
 * take a multiple of it.
 */
export function receiveBudget(memoryLimit: number): number {
  if (memoryLimit <= 0) return MOST;
  return Math.min(MOST, Math.max(LEAST, Math.floor(memoryLimit / 8)));
}
