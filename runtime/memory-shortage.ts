/** Codes of errors by which the system says that it has nothing left to give now. */
const CODES: ReadonlySet<unknown> = new Set([
  "ERR_MEMORY_ALLOCATION_FAILED",
  "Z_MEM_ERROR",
  "ENOMEM",
  "EMFILE",
  "ENFILE",
]);

/** Whether the error tells of memory that is short at this moment, and nothing of what was worked on. */
export function isMemoryShortage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (CODES.has((error as NodeJS.ErrnoException).code)) return true;
  return error instanceof RangeError && /allocation failed|out of memory/i.test(error.message);
}
