/** Fetches the schemas that a delivery needs, trying again until the registry answers. */

import { fullJitter } from "../../../runtime/backoff.ts";
import type { Delivery } from "../../source/source.ts";
import type { Counters } from "../counters.ts";
import type { Settings } from "../options.ts";
import { sourceFailureOf } from "./source-failure.ts";

export interface SchemaWait {
  /**
   * @param pending what `format.prepare` answered
   * @param wanted asked before each further attempt: false once the delivery was withdrawn
   * @param ready called when every schema is at hand
   */
  finish(delivery: Delivery, pending: Promise<void>, wanted: () => boolean, ready: () => void): void;
}

export function createSchemaWait(options: Settings, counters: Counters): SchemaWait {
  const { format, retry, clock, random, log } = options;

  const finish = async (
    delivery: Delivery,
    first: Promise<void>,
    wanted: () => boolean,
    ready: () => void,
  ): Promise<void> => {
    let pending: Promise<void> | undefined = first;
    for (let attempt = 0; pending !== undefined; attempt += 1) {
      try {
        await pending;
        break;
      } catch (error) {
        if (!wanted()) break;
        counters.sourceFailure = sourceFailureOf(error);
        if (attempt === 0) log.warn("schema not fetched, trying again", { topic: delivery.assignment.topic, error });
        await clock.sleep(fullJitter(retry, attempt, random));
        if (!wanted()) break;
        pending = format.prepare(delivery);
      }
    }
    // Where nobody waits for it any more, nothing else would tell that its failure is over.
    counters.sourceFailure = null;
    if (wanted()) ready();
  };

  return { finish: (delivery, pending, wanted, ready) => void finish(delivery, pending, wanted, ready) };
}
