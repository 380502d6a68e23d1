/** What Kubernetes can read as a quantity: the pattern of the resource definition. */
const QUANTITY = /^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$/;

const BYTES = /^([0-9]+(?:\.[0-9]+)?)\s*([kmgtpe])(?:i?b|i|b(?:ytes)?)$/i;
const CORES = /^([0-9]*\.?[0-9]+)\s*(?:v?cpus?|cores?)$/i;

export function isQuantity(value: unknown): boolean {
  return (typeof value === "number" && Number.isInteger(value)) || (typeof value === "string" && QUANTITY.test(value));
}

/** The quantity that a text such as `512MB` or `0.5cores` probably means; undefined when it looks like none. */
export function meantQuantity(text: string): string | undefined {
  const [, amount, unit] = BYTES.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return `${amount}${unit.toUpperCase()}i`;
  const cores = Number(CORES.exec(text)?.[1]);
  if (!Number.isFinite(cores)) return undefined;
  return Number.isInteger(cores) ? String(cores) : `${Math.round(cores * 1000)}m`;
}

/** What is wrong with a value that is no quantity, and what to write. */
export function quantityMessage(value: unknown): string {
  const meant = typeof value === "string" ? meantQuantity(value) : undefined;
  return `must be a quantity, for example 100m or 512Mi${meant === undefined ? "" : `: did you mean ${meant}?`}`;
}
