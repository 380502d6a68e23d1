import { totalmem } from "node:os";

const MiB = 1024 * 1024;
const LEAST = 8 * MiB;
const MOST = 64 * MiB;
/** Of the limit: what Node.js itself takes, and what the collector has not freed yet, is several times the budget. */
const BUDGET_PART = 1 / 40;
/** Without a limit: as with one of 512 MiB. */
const UNLIMITED = Math.floor(512 * MiB * BUDGET_PART);

/**
 * What limits the memory of the process, bytes; null when nothing does.
 * @param constrained `process.constrainedMemory()`: 0, or more than the machine has, when nothing limits it
 */
export function memoryLimit(constrained: number): number | null {
  return constrained <= 0 || constrained > totalmem() ? null : constrained;
}

/**
 * Bytes that received messages may retain, of the memory the process may use. Requests on their way copy what they carry,
 * as base64: 4/3 of these bytes at most, since a message travels in one record at a time, and aggregates are written into
 * them only.
 * @param limit bytes; null when nothing limits it
 */
export function receiveBudget(limit: number | null): number {
  if (limit === null) return UNLIMITED;
  return Math.min(MOST, Math.max(LEAST, Math.floor(limit * BUDGET_PART)));
}
