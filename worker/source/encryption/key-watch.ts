import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Delivery } from "../source.ts";
import type { Decryptor } from "./decryptor.ts";

/** Mounted Secrets follow a change within a minute or so. */
const CHECK_EVERY_MS = 10_000;
const MOST_CHECKED = 100;

/** Watches for the keys of deliveries that could not be decrypted, until they are done. */
export interface KeyWatch {
  /** Passes over what can be read, and what no key would mend. */
  add(delivery: Delivery): void;
  remove(delivery: Delivery): void;
  end(): void;
}

/** @param onFound called once a key was found: the broker has to send what is not done again */
export function createKeyWatch(decryptor: Decryptor, clock: Clock, onFound: () => void): KeyWatch {
  const waiting = new Set<Delivery>();
  let timer: Timer | null = null;

  const opens = ({ messages: [message] }: Delivery): boolean => {
    const context = message?.entry.encryption ?? null;
    try {
      return context !== null && decryptor.opens(context);
    } catch {
      // The Secret is gone: as good as without the key.
      return false;
    }
  };

  const check = (): void => {
    timer = null;
    let checked = 0;
    for (const delivery of waiting) {
      if (opens(delivery)) {
        onFound();
        return;
      }
      if (++checked === MOST_CHECKED) break;
    }
    if (waiting.size > 0) timer = clock.timer(CHECK_EVERY_MS, check);
  };

  return {
    add(delivery) {
      const code = delivery.messages[0]?.entry.defect?.code ?? "CorruptEntry";
      if (code === "CorruptEntry" || opens(delivery)) return;
      waiting.add(delivery);
      timer ??= clock.timer(CHECK_EVERY_MS, check);
    },
    remove: (delivery) => void waiting.delete(delivery),
    end() {
      timer?.cancel();
      timer = null;
      waiting.clear();
    },
  };
}
