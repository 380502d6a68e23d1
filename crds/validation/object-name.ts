/** What the API server takes as the name of a resource: a DNS subdomain (RFC 1123). */
export const OBJECT_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/** The name that is nearest to a text such as `Orders_1` and may be an object's; empty when nothing is left of it. */
export function meantObjectName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/-*\.[-.]*/g, ".")
    .replace(/^[-.]+|[-.]+$/g, "");
}
