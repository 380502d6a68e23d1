import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Connection } from "../broker/connection.ts";
import { asSourceError, BrokerError, brokerError } from "../broker/failures.ts";
import { ackResponse } from "../protocol/commands.ts";
import { AckType, ackFrame } from "../protocol/frames.ts";
import type { SourceError } from "../source.ts";
import { createUndurableAcks } from "./undurable-acks.ts";

const GROUP_MS = 100;
const GROUP_SIZE = 1_000;

export interface Acknowledger {
  /** The whole entry, whatever it holds. */
  entry(ledger: number, entry: number): void;
  /** Everything up to and including the entry. */
  through(ledger: number, entry: number): void;
  /** Sends what waits; resolves when the broker confirmed all that was sent, or cannot any more. */
  settle(): Promise<void>;
  /** Sends at once what `end` returned of the subscription before. */
  again(undurable: readonly number[]): void;
  /**
   * Sends nothing any more.
   * @returns ledger, entry, ledger, entry, …: the broker sends these entries again unless the next subscription
   * acknowledges them once more
   */
  end(): readonly number[];
}

/** Groups the acknowledgements of one consumer, and asks the broker for a receipt of each group. */
export function createAcknowledger(options: {
  readonly connection: Connection;
  readonly consumerId: number;
  readonly clock: Clock;
  /** A group was refused, or not confirmed in time: its entries are still unacknowledged. */
  readonly onFailed: (error: SourceError) => void;
}): Acknowledger {
  const { connection, consumerId, clock, onFailed } = options;
  const inFlight = new Set<Promise<void>>();
  const undurable = createUndurableAcks(clock);
  let ids: number[] = [];
  let mark: readonly [number, number] | null = null;
  let marks = 0;
  let timer: Timer | null = null;
  let ended = false;

  const confirm = async (requestId: number, frame: Buffer, group: readonly number[]): Promise<void> => {
    const what = "acknowledging";
    try {
      const { error, message } = await connection.requestFrame(what, requestId, frame, ackResponse);
      if (error !== undefined) throw brokerError(what, error, message);
    } catch (error) {
      if (error instanceof BrokerError) undurable.refused(group);
      if (!ended) onFailed(asSourceError(error, what));
    }
  };

  const send = (type: number, group: readonly number[]): void => {
    const requestId = connection.nextId();
    if (type === AckType.Individual) undurable.add(group);
    const receipt = confirm(requestId, ackFrame(consumerId, type, group, requestId), group);
    inFlight.add(receipt);
    void receipt.then(() => inFlight.delete(receipt));
  };

  const flush = (): void => {
    timer?.cancel();
    timer = null;
    if (ended) return;
    for (let from = 0; from < ids.length; from += 2 * GROUP_SIZE) {
      send(AckType.Individual, ids.slice(from, from + 2 * GROUP_SIZE));
    }
    ids = [];
    if (mark !== null) send(AckType.Cumulative, mark);
    mark = null;
    marks = 0;
  };

  const wait = (): void => {
    if (ids.length >= 2 * GROUP_SIZE || marks >= GROUP_SIZE) flush();
    else timer ??= clock.timer(GROUP_MS, flush);
  };

  return {
    entry(ledger, entry) {
      if (ended) return;
      ids.push(ledger, entry);
      wait();
    },
    through(ledger, entry) {
      if (ended) return;
      mark = [ledger, entry];
      marks += 1;
      wait();
    },
    async settle() {
      flush();
      await Promise.all(inFlight);
    },
    again(before) {
      ids = [...before, ...ids];
      flush();
    },
    end() {
      ended = true;
      timer?.cancel();
      const left = [...undurable.ids(), ...ids];
      ids = [];
      mark = null;
      return left;
    },
  };
}
