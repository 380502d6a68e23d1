import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MissingKeyError } from "./secrets.ts";
import type { PrivateKeys } from "./source/options.ts";

/** Opens the Secret of that name, whose keys are private keys. Reads nothing yet. */
export type PrivateKeysOpener = (secret: string) => PrivateKeys;

/** What Kubernetes takes as a key of a Secret. Producers choose the names, so anything else must not become a path. */
const SECRET_KEY = /^(?!\.\.)(?!\.$)[-._a-zA-Z0-9]+$/;

/** Reads `<folder>/secrets/<secret>/<name>`, mounted as for `mountedKeys`. */
export function mountedPrivateKeys(folder: string): PrivateKeysOpener {
  return (secret) => {
    const directory = join(folder, "secrets", secret);
    const names = () => present(() => readdirSync(join(directory, "..data"))) ?? [];
    const read = (name: string) => present(() => readFileSync(join(directory, name)));
    const remedy = `create it, each key being the name of an encryption key and each value its private key in PEM`;
    return privateKeys(secret, names, read, remedy);
  };
}

/** Reads files that were named on the command line as `NAME/KEY=FILE`. */
export function filePrivateKeys(files: ReadonlyMap<string, string>): PrivateKeysOpener {
  return (secret) => {
    const names = () => [...files.keys()].filter((key) => key.startsWith(`${secret}/`));
    const read = (name: string) => {
      const file = files.get(`${secret}/${name}`);
      return file === undefined ? null : present(() => readFileSync(file));
    };
    const remedy = `give the file of each private key with --secret ${secret}/ENCRYPTION-KEY-NAME=FILE`;
    return privateKeys(secret, names, read, remedy);
  };
}

function privateKeys(
  secret: string,
  names: () => readonly string[],
  read: (name: string) => Buffer | null,
  remedy: string,
): PrivateKeys {
  const holder = `Secret ${secret}`;
  const check = () => {
    if (names().length > 0) return;
    throw new MissingKeyError("SecretMissing", `${holder} does not exist or is empty: ${remedy}`);
  };
  return {
    holder,
    check,
    read(name) {
      const key = SECRET_KEY.test(name) ? read(name) : null;
      if (key !== null) return key;
      check();
      throw new MissingKeyError("SecretKeyMissing", `${holder} has no key of that name: add it`);
    },
  };
}

/** Null when the file is not there. */
function present<Found>(look: () => Found): Found | null {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}
