/** Encrypts as the official producers do, by node:crypto. */
import {
  constants,
  createCipheriv,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import type { Decryption, PrivateKeys } from "../../../../worker/source/options.ts";
import type { EntryMetadata } from "../../../../worker/source/protocol/metadata-codec.ts";

export interface TestKey {
  readonly publicKey: KeyObject;
  /** PKCS #8 PEM. */
  readonly pem: string;
}

export function rsaKey(modulusLength = 2048): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength });
  return { publicKey, pem: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
}

export interface Encrypted {
  readonly metadata: EntryMetadata;
  readonly payload: Buffer;
}

/** Encrypts payloads under one data key, which is encrypted for each of `readers`. */
export function encryptor(
  readers: Readonly<Record<string, KeyObject>>,
  dataKey: Buffer = randomBytes(32),
): (payload: Uint8Array) => Encrypted {
  const encryptionKeys = Object.entries(readers).map(([name, key]) => {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    return { key: name, value: publicEncrypt({ key, padding, oaepHash: "sha1" }, dataKey) };
  });
  const algorithm = `aes-${(dataKey.length * 8) as 128 | 192 | 256}-gcm` as const;
  return (payload) => {
    const iv = randomBytes(12);
    const cipher = createCipheriv(algorithm, dataKey, iv, { authTagLength: 16 });
    const body = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
    return { metadata: { encryptionKeys, encryptionParam: iv }, payload: body };
  };
}

/** Private keys that a test may change; an empty map is a Secret that does not exist. */
export function keysOf(map: Map<string, string>, onRead: (name: string) => void = () => undefined): PrivateKeys {
  const check = () => {
    if (map.size === 0) throw Object.assign(new Error("Secret keys does not exist"), { code: "SecretMissing" });
  };
  return {
    holder: "Secret keys",
    check,
    read(name) {
      onRead(name);
      check();
      const key = map.get(name);
      if (key === undefined) throw Object.assign(new Error("no such key"), { code: "SecretKeyMissing" });
      return Buffer.from(key);
    },
  };
}

export function decryption(keys: Readonly<Record<string, string>>, onFailure: Decryption["onFailure"] = "Fail") {
  return { keys: keysOf(new Map(Object.entries(keys))), onFailure };
}
