import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Connection } from "../broker/connection.ts";
import { asSourceError, BrokerError } from "../broker/failures.ts";
import { ackResponse } from "../protocol/commands.ts";
import { AckType, ackFrame } from "../protocol/frames.ts";
import type { SourceError } from "../source.ts";
import type { EntryId } from "./entry-id.ts";
import { createUndurableAcks, type UndurableAcks, type UndurableGroup } from "./undurable-acks.ts";

/** A group is sent after this time, or when it is this large. */
const GROUP_MS = 100;
const GROUP_SIZE = 1_000;

export interface Acknowledger {
  /** The whole entry, whatever it holds. @param messages as which the broker counts it; default 1 */
  entry(ledger: number, entry: number, messages?: number): void;
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

export interface AcknowledgerOptions {
  readonly connection: Connection;
  readonly consumerId: number;
  readonly clock: Clock;
  /** An entry that counts as `messages` is acknowledged. */
  readonly onEntry: (messages: number) => void;
  /** A group was refused, or not confirmed in time: its entries are still unacknowledged. */
  readonly onFailed: (error: SourceError) => void;
}

/** Groups the acknowledgements of one consumer, and asks the broker for a receipt of each group. */
export function createAcknowledger(options: AcknowledgerOptions): Acknowledger {
  return new GroupingAcknowledger(options);
}

class GroupingAcknowledger implements Acknowledger {
  readonly #connection: Connection;
  readonly #consumerId: number;
  readonly #clock: Clock;
  readonly #onEntry: (messages: number) => void;
  readonly #onFailed: (error: SourceError) => void;
  readonly #undurable: UndurableAcks;
  readonly #inFlight = new Set<Promise<void>>();
  /** Of the group that waits: ledger, entry, ledger, entry, … */
  #ids: number[] = [];
  /** The last entry that everything is done up to; null when the broker knows it. */
  #through: EntryId | null = null;
  /** Calls that `#through` stands for. */
  #throughs = 0;
  #timer: Timer | null = null;
  #ended = false;

  constructor({ connection, consumerId, clock, onEntry, onFailed }: AcknowledgerOptions) {
    this.#connection = connection;
    this.#consumerId = consumerId;
    this.#clock = clock;
    this.#onEntry = onEntry;
    this.#onFailed = onFailed;
    this.#undurable = createUndurableAcks(clock);
  }

  entry(ledger: number, entry: number, messages = 1): void {
    if (this.#ended) return;
    this.#onEntry(messages);
    this.#ids.push(ledger, entry);
    this.#wait();
  }

  through(ledger: number, entry: number): void {
    if (this.#ended) return;
    this.#through = [ledger, entry];
    this.#throughs += 1;
    this.#wait();
  }

  async settle(): Promise<void> {
    this.#flush();
    await Promise.all(this.#inFlight);
  }

  again(undurable: readonly number[]): void {
    this.#ids = [...undurable, ...this.#ids];
    this.#flush();
  }

  end(): readonly number[] {
    this.#ended = true;
    this.#timer?.cancel();
    const left = [...this.#undurable.ids(), ...this.#ids];
    this.#ids = [];
    this.#through = null;
    return left;
  }

  #wait(): void {
    if (this.#ids.length >= 2 * GROUP_SIZE || this.#throughs >= GROUP_SIZE) this.#flush();
    else this.#timer ??= this.#clock.timer(GROUP_MS, () => this.#flush());
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#ended) return;
    const ids = this.#ids;
    this.#ids = [];
    for (let from = 0; from < ids.length; from += 2 * GROUP_SIZE) {
      this.#send(AckType.Individual, ids.slice(from, from + 2 * GROUP_SIZE));
    }
    if (this.#through !== null) this.#send(AckType.Cumulative, this.#through);
    this.#through = null;
    this.#throughs = 0;
  }

  #send(type: number, group: readonly number[]): void {
    const requestId = this.#connection.nextId();
    const undurable = type === AckType.Individual ? this.#undurable.add(group) : null;
    const receipt = this.#confirm(requestId, ackFrame(this.#consumerId, type, group, requestId), undurable);
    this.#inFlight.add(receipt);
    void receipt.then(() => this.#inFlight.delete(receipt));
  }

  async #confirm(requestId: number, frame: Buffer, group: UndurableGroup | null): Promise<void> {
    const what = "acknowledging";
    try {
      const { error, message } = await this.#connection.requestFrame(what, requestId, frame, ackResponse);
      if (error !== undefined) throw this.#connection.refusal(what, error, message);
      if (group !== null) this.#undurable.confirmed(group);
    } catch (error) {
      if (error instanceof BrokerError && group !== null) this.#undurable.refused(group);
      if (!this.#ended) this.#onFailed(asSourceError(error, what));
    }
  }
}
