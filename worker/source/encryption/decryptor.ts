import { constants, createDecipheriv, hash, type KeyObject, privateDecrypt } from "node:crypto";
import type { Clock } from "../../../runtime/clock.ts";
import type { Decryption } from "../options.ts";
import { type Defect, type EncryptionContext, type EncryptionKey, SourceError } from "../source.ts";
import { parsePrivateKey, UnusableKeyError } from "./private-key.ts";

const IV_BYTES = 12;
export const TAG_BYTES = 16;
/** AES with keys of these lengths, in bytes; official producers make 32. */
const CIPHERS: Readonly<Record<number, "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm">> = {
  16: "aes-128-gcm",
  24: "aes-192-gcm",
  32: "aes-256-gcm",
};

/** A producer makes a new data key every 4 hours. */
const MOST_DATA_KEYS = 1_000;
/** After this long a data key is decrypted anew, so that a private key that was taken away is no longer used. */
const OPEN_FOR_MS = 600_000;
/** What failed is not tried again for this long: the RSA operation costs a millisecond. */
const CLOSED_FOR_MS = 1_000;
/** Keys of one entry that are tried; producers name one for each group of readers. */
const MOST_KEYS = 32;
const MOST_NAMED = 5;

/** Decrypts what producers encrypted end to end: AES-GCM, its data key encrypted by RSA-OAEP with SHA-1. */
export interface Decryptor {
  readonly onFailure: Decryption["onFailure"];
  /**
   * The payload in memory of its own, or why there is none.
   * @throws SourceError SecretMissing when there are no private keys at all: then nothing can be said of an entry
   */
  decrypt(context: EncryptionContext, payload: Buffer): Buffer | Defect;
  /** True when one of the keys opens the entry's data key. */
  opens(context: EncryptionContext): boolean;
}

type Opened = { readonly dataKey: Buffer } | { readonly code: Defect["code"]; readonly reason: string };

export function createDecryptor({ keys, onFailure }: Decryption, clock: Clock): Decryptor {
  const known = new Map<string, { readonly opened: Opened; readonly until: number }>();

  const open = (key: EncryptionKey): Opened => {
    // Both are as long as a producer likes.
    const id = `${hash("sha256", key.key, "base64")} ${hash("sha256", key.name, "base64")}`;
    const found = known.get(id);
    if (found !== undefined && clock.now() < found.until) return found.opened;
    const opened = openDataKey(keys, key);
    known.delete(id);
    known.set(id, { opened, until: clock.now() + ("dataKey" in opened ? OPEN_FOR_MS : CLOSED_FOR_MS) });
    if (known.size > MOST_DATA_KEYS) known.delete(known.keys().next().value ?? "");
    return opened;
  };

  return {
    onFailure,
    decrypt(context, payload) {
      const failures: string[] = [];
      for (const key of context.keys.slice(0, MOST_KEYS)) {
        const opened = open(key);
        if ("dataKey" in opened) {
          const plain = decipher(opened.dataKey, context.param, payload);
          if (typeof plain !== "string") return plain;
          failures.push(`${plain} (data key of ${quoted(key.name)})`);
        } else if (opened.code === "DecryptionFailed") {
          failures.push(`key ${quoted(key.name)} of ${keys.holder} ${opened.reason}`);
        }
      }
      if (failures.length > 0) return { code: "DecryptionFailed", message: failures.slice(0, MOST_NAMED).join("; ") };
      return { code: "EncryptionKeyMissing", message: missing(context.keys, keys.holder) };
    },
    opens: (context) => context.keys.slice(0, MOST_KEYS).some((key) => "dataKey" in open(key)),
  };
}

function openDataKey(keys: Decryption["keys"], { name, key }: EncryptionKey): Opened {
  let pem: Buffer;
  try {
    pem = keys.read(name);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === "SecretMissing") throw new SourceError("SecretMissing", String(message));
    if (code === "SecretKeyMissing") return { code: "EncryptionKeyMissing", reason: "" };
    return { code: "DecryptionFailed", reason: `cannot be read (${String(code ?? "failed")})` };
  }
  try {
    return { dataKey: decryptDataKey(parsePrivateKey(pem), key) };
  } catch (error) {
    if (!(error instanceof UnusableKeyError)) throw error;
    return { code: "DecryptionFailed", reason: error.message };
  }
}

/** @throws UnusableKeyError */
function decryptDataKey(privateKey: KeyObject, encrypted: Uint8Array): Buffer {
  let dataKey: Buffer;
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    dataKey = privateDecrypt({ key: privateKey, padding, oaepHash: "sha1" }, encrypted);
  } catch {
    throw new UnusableKeyError(
      "does not decrypt the message's data key: store the private key that belongs to the producers' public key",
    );
  }
  if (CIPHERS[dataKey.length] !== undefined) return dataKey;
  throw new UnusableKeyError(`decrypts a data key of ${dataKey.length} bytes, which is no AES key`);
}

/** The plain payload, or what is wrong with the encrypted one. */
function decipher(dataKey: Buffer, iv: Uint8Array, payload: Buffer): Buffer | string {
  if (iv.length !== IV_BYTES) return `the initialization vector has ${iv.length} bytes instead of ${IV_BYTES}`;
  const end = payload.length - TAG_BYTES;
  if (end < 0) return "the payload is shorter than its authentication tag";
  const cipher = CIPHERS[dataKey.length] ?? "aes-256-gcm";
  const decipher = createDecipheriv(cipher, dataKey, iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(payload.subarray(end));
  const plain = decipher.update(payload.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return "the payload is not what was encrypted: its authentication tag does not match";
  }
  return plain;
}

function missing(keys: readonly EncryptionKey[], holder: string): string {
  const names = keys.slice(0, MOST_NAMED).map(({ name }) => quoted(name));
  const key = names.length === 1 ? `key ${names[0]}` : `any of the keys ${names.join(", ")}`;
  return `${holder} does not have the private key of encryption ${key}: add it to the Secret under that name`;
}

/** Names come from messages. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
