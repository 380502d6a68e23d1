import type { Clock } from "../../runtime/clock.ts";
import type { Decryption } from "./decryption.ts";
import type { NativeModule } from "./native-client.ts";
import type { ReceivedMessage } from "./native-message.ts";
import { SourceError } from "./source.ts";
import { createDecryptor } from "./wire/decryptor.ts";
import { asSourceError } from "./wire/failures.ts";
import { createKeyWatch, type KeyWatch } from "./wire/key-watch.ts";

/** End-to-end decryption by the library. */
export interface NativeDecryption {
  /** What the library asks for private keys. */
  readonly keyReader: object;
  /** Says of each message that was not decrypted why. @throws SourceError when that cannot be judged now */
  judge(messages: readonly ReceivedMessage[]): void;
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

  const judgeOne = ({ entry, payload }: ReceivedMessage): void => {
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
    judge(messages) {
      try {
        for (const message of messages) judgeOne(message);
      } catch (error) {
        throw asSourceError(error, "decrypting");
      }
    },
    watch: (onFound) => createKeyWatch(decryptor, clock, onFound),
  };
}
