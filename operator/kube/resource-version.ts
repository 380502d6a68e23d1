/**
 * Whether a version is from before another one, both of the same resource. The API server's versions are decimal numbers of
 * any length, which grow (API conventions, "Comparing resource versions"); of others nothing is known, and the answer is no.
 */
export function isOlder(version: string | undefined, than: string | undefined): boolean {
  if (!version || !than || !DECIMAL.test(version) || !DECIMAL.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}

const DECIMAL = /^[1-9]\d*$/;
