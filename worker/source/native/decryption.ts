import type { Clock } from "../../../runtime/clock.ts";
import { asSourceError } from "../broker/failures.ts";
import { createDecryptor } from "../encryption/decryptor.ts";
import { createKeyWatch, type KeyWatch } from "../encryption/key-watch.ts";
import type { Decryption } from "../options.ts";
import { SourceError } from "../source.ts";
import type { NativeModule } from "./client.ts";
import type { ReceivedMessage } from "./message.ts";

/** End-to-end decryption by the library. */
export interface NativeDecryption {
  /** What the library asks for private keys. */
  readonly keyReader: object;
  /** @throws an error with code SecretMissing when there is no key at all */
  checkKeys(): void;
  /** Says of each message that was not decrypted why. @throws SourceError when that cannot be known now */
  explain(messages: readonly ReceivedMessage[]): void;
  watch(onFound: () => void): KeyWatch;
}

/**
 * The library hands on what it cannot decrypt and does not tell why: with its other settings it leaves such messages out,
 * and acknowledges what follows them. So the wire source's decryptor is asked for the reason.
 */
export function createNativeDecryption(module: NativeModule, decryption: Decryption, clock: Clock): NativeDecryption {
  const { keys, onFailure } = decryption;
  const decryptor = createDecryptor(decryption, clock);
  class KeyReader extends module.CryptoKeyReader {
    /** Called by the library, for which an error is a key that it does not have. */
    getPrivateKey(name: string) {
      return { key: keys.read(name), metadata: {} };
    }
  }

  const explainOne = ({ entry, payload }: ReceivedMessage): void => {
    if (entry.encryption === null) return;
    keys.check();
    if (onFailure === "Consume") return;
    const outcome = decryptor.decrypt(entry.encryption, payload);
    if ("code" in outcome) {
      entry.defect = outcome;
      return;
    }
    throw new SourceError(
      "BrokerNotReady",
      "pulsar-client did not decrypt an entry for which there is a key; it is read again. If that does not end, set spec.pulsar.client to Wire",
    );
  };

  return {
    keyReader: new KeyReader(),
    checkKeys: () => keys.check(),
    explain(messages) {
      try {
        for (const message of messages) explainOne(message);
      } catch (error) {
        throw asSourceError(error, "decrypting");
      }
    },
    watch: (onFound) => createKeyWatch(decryptor, clock, onFound),
  };
}
