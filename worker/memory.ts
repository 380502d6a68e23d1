import { totalmem } from "node:os";

const MiB = 1024 * 1024;
const LEAST = 8 * MiB;
const MOST = 64 * MiB;
/** Of the limit: what Node.js itself takes, and what the collector has not freed yet, is several times the budget. */
const SHARE = 1 / 40;
/** Without a limit: as with one of 512 MiB. */
const UNLIMITED = Math.floor(512 * MiB * SHARE);

/**
 * Bytes that received messages may retain, of the memory the process may use (`process.constrainedMemory()`: 0, or more
 * than the machine has, when nothing limits it). Requests on their way copy what they carry, as base64: 4/3 of these
 * bytes at most, since a message travels in one record at a time, and aggregates are written into them only.
 */
export function receiveBudget(memoryLimit: number): number {
  if (memoryLimit <= 0 || memoryLimit > totalmem()) return UNLIMITED;
  return Math.min(MOST, Math.max(LEAST, Math.floor(memoryLimit * SHARE)));
}
