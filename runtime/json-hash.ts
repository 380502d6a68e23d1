import { createHash } from "node:crypto";

/** A short hash of a JSON value that does not depend on the order of its keys. */
export function jsonHash(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sortedJson(value)))
    .digest("hex")
    .slice(0, 16);
}

/** The same JSON value with its keys in alphabetical order, and without those that are undefined. */
export function sortedJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedJson);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortedJson(item)]));
}
