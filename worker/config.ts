import { type FieldError, formatErrors } from "../crds/field-error.ts";
import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { parseManifest } from "../crds/manifest.ts";
import { unsupportedFields } from "../crds/unsupported.ts";

/** A configuration that no retry can make right: the field and the remedy are in the message. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: "InvalidConfiguration" | "UnsupportedField";
  constructor(code: "InvalidConfiguration" | "UnsupportedField", errors: readonly FieldError[]) {
    super(formatErrors(errors));
    this.code = code;
  }
}

/** Rules that cannot hold for a manifest from which an inline credential parameter was taken. */
const CREDENTIAL_RULES: readonly string[] = ["CredentialsRequired", "RoleRequired"];

/**
 * Reads the KinesisSink that a worker runs: a manifest (YAML or JSON), or the operator's copy of one, from which an
 * inline credential parameter was taken (`credentialsApart`).
 * @throws ConfigError
 */
export function readConfig(text: string, options: { credentialsApart: boolean }): KinesisSink {
  const except = options.credentialsApart ? CREDENTIAL_RULES : [];
  const parsed = parseManifest(text, { except });
  if (!parsed.ok) throw new ConfigError("InvalidConfiguration", parsed.errors);
  const unsupported = unsupportedFields(parsed.value);
  if (unsupported.length > 0) throw new ConfigError("UnsupportedField", unsupported);
  return parsed.value;
}

/** Empty text means unset, as in the connector's own properties. */
export function set(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
