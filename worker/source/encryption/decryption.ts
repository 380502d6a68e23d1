/** End-to-end decryption, as both clients are told of it. */

export interface Decryption {
  readonly keys: PrivateKeys;
  /** An entry that cannot be decrypted is poison (Fail), or is passed on as it arrived (Consume). */
  readonly onFailure: "Fail" | "Consume";
}

/**
 * The private keys, by the names that producers give to their encryption keys. Everything is read anew on every call, so
 * that it follows a rotation, and at once: the files are small, lie in memory, and are asked for once per data key.
 */
export interface PrivateKeys {
  /** What holds the keys, for messages: `Secret orders-keys`. */
  readonly holder: string;
  /** @throws an error with code SecretMissing when there is no key at all */
  check(): void;
  /** The key in PEM. @throws an error with code SecretMissing or SecretKeyMissing, whose message names the remedy */
  read(name: string): Buffer;
}
