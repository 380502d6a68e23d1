import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { type FieldError, formatErrors } from "../crds/validation/field-error.ts";
import { unsupportedFields } from "../crds/validation/unsupported.ts";
import { validateOnce } from "../crds/validation/validate-once.ts";
import type { Validation } from "../crds/validation/validation.ts";
import { CONFIG_VERSION, CONFIG_VERSION_ANNOTATION } from "../crds/worker-config.ts";

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

/** What a worker is to do, and what of it this version does not know. */
export interface Copy {
  readonly manifest: KinesisSink;
  /** Paths of fields that a newer operator or definition knows. They have no effect. */
  readonly unknownFields: readonly string[];
}

/**
 * Reads the operator's copy of a KinesisSink: JSON, from which an inline credential parameter was taken. The operator may be
 * newer than this worker, so fields that it does not know are left alone.
 * @throws ConfigError
 */
export function readCopy(text: string): Copy {
  const copy: unknown = JSON.parse(text);
  knownVersion(copy);
  const validation = validateOnce(copy, { except: CREDENTIAL_RULES, unknownFields: "leave" });
  return { manifest: usable(validation), unknownFields: validation.ok ? validation.unknownFields : [] };
}

/** The first release's copies have no version. Of a later form this worker cannot know what it asks. @throws ConfigError */
function knownVersion(copy: unknown): void {
  const manifest = copy as Partial<KinesisSink> | null;
  const version = Number(manifest?.metadata?.annotations?.[CONFIG_VERSION_ANNOTATION] ?? CONFIG_VERSION);
  if (version <= CONFIG_VERSION) return;
  const message = `the configuration is of version ${version}, and this worker reads up to ${CONFIG_VERSION}: run a worker image of the operator's version, in spec.pod.image or the chart's workerImage`;
  const field = `metadata.annotations["${CONFIG_VERSION_ANNOTATION}"]`;
  throw new ConfigError("InvalidConfiguration", [{ code: "ConfigurationTooNew", field, message }]);
}

/** Reads a manifest, YAML or JSON. A person wrote it, so a field that is not known is an error. @throws ConfigError */
export async function readManifest(text: string): Promise<KinesisSink> {
  // A parser of YAML takes a megabyte, and a pod needs none.
  const { parseManifest } = await import("../crds/validation/manifest.ts");
  return usable(parseManifest(text));
}

function usable(parsed: Validation): KinesisSink {
  if (!parsed.ok) throw new ConfigError("InvalidConfiguration", parsed.errors);
  const unsupported = unsupportedFields(parsed.value);
  if (unsupported.length > 0) throw new ConfigError("UnsupportedField", unsupported);
  return parsed.value;
}

/** Empty text means unset, as in the connector's own properties. */
export function set(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
