import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A key of a Kubernetes Secret or ConfigMap in the sink's namespace. */
export interface KeyReference {
  readonly kind: "Secret" | "ConfigMap";
  readonly name: string;
  readonly key: string;
}

/** Where certificate authorities are kept; null where none are given. */
export function caReference(
  ca:
    | { readonly secret?: { name: string; key: string }; readonly configMap?: { name: string; key: string } }
    | undefined,
): KeyReference | null {
  if (ca?.secret) return { kind: "Secret", ...ca.secret };
  if (ca?.configMap) return { kind: "ConfigMap", ...ca.configMap };
  return null;
}

/** A Secret or key that is not there (yet). The files are read anew on every call, so it recovers when it appears. */
export class MissingKeyError extends Error {
  override readonly name = "MissingKeyError";
  readonly code: "SecretMissing" | "SecretKeyMissing";
  constructor(code: "SecretMissing" | "SecretKeyMissing", message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws MissingKeyError naming the object and the key, never a value. */
export type KeyReader = (reference: KeyReference) => Promise<Buffer>;

/**
 * Reads keys from the folders that the operator mounts: `<folder>/secrets/<name>/<key>` and
 * `<folder>/configmaps/<name>/<key>`. The mounts are optional, so a missing object is an empty folder.
 */
export function mountedKeys(folder: string): KeyReader {
  return async ({ kind, name, key }) => {
    const directory = join(folder, kind === "Secret" ? "secrets" : "configmaps", name);
    try {
      return await readFile(join(directory, key));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    }
    // The kubelet publishes a volume's content through ..data, also when the object has other keys only.
    const published = await readdir(join(directory, "..data")).catch(() => []);
    if (published.length === 0) {
      throw new MissingKeyError(
        "SecretMissing",
        `${kind} ${name} does not exist or is empty: create it with key ${key}`,
      );
    }
    throw new MissingKeyError("SecretKeyMissing", `${kind} ${name} has no key ${key}: add it`);
  };
}

/** Reads keys from files that were named on the command line as `NAME/KEY=FILE`. */
export function fileKeys(files: ReadonlyMap<string, string>): KeyReader {
  return async ({ kind, name, key }) => {
    const file = files.get(`${name}/${key}`);
    if (file === undefined) {
      throw new MissingKeyError(
        "SecretMissing",
        `${kind} ${name}, key ${key}: give its file with --secret ${name}/${key}=FILE`,
      );
    }
    return await readFile(file).catch((error: NodeJS.ErrnoException) => {
      throw new MissingKeyError("SecretKeyMissing", `${kind} ${name}, key ${key}: cannot read ${file} (${error.code})`);
    });
  };
}
