import { setTimeout as delay } from "node:timers/promises";
import type { Traffic } from "./traffic.ts";

/** Messages that keep coming while something is done to the parts. */
export interface Flow {
  /** Stops producing; resolves when what was published is stored, and rejects when something could not be published. */
  stop(): Promise<void>;
}

/** Publishes a wave of messages, pauses for so long, and so on until it is stopped or the limit is reached. */
export function startFlow(
  traffic: Traffic,
  options: { readonly wave: number; readonly pauseMs: number; readonly limitMs?: number },
): Flow {
  const { wave, pauseMs, limitMs = Number.POSITIVE_INFINITY } = options;
  let stopped = false;
  const flow = async (): Promise<void> => {
    for (let passedMs = 0; !stopped && passedMs < limitMs; passedMs += pauseMs) {
      await traffic.publish(wave);
      await delay(pauseMs);
    }
  };
  const flowing = flow();
  flowing.catch(() => undefined);
  return {
    stop: async () => {
      stopped = true;
      await flowing;
    },
  };
}
