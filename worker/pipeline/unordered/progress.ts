/** What is done is acknowledged: an entry once all its messages are. */
import type { Delivery, Source } from "../../source/source.ts";
import type { Budget } from "../budget.ts";
import type { Counters } from "../counters.ts";
import type { Drain } from "../intake/drain.ts";
import type { Parking } from "./parking.ts";
import { retainOnly } from "./retained-poison.ts";
import type { TrackedDelivery } from "./tracked-delivery.ts";

/** The stations that it tells of what is done. */
export interface ProgressNeighbours {
  readonly source: () => Source;
  readonly budget: Budget;
  readonly parking: Parking;
  readonly drain: Drain;
  readonly wake: () => void;
}

export class UnorderedProgress {
  readonly #counters: Counters;
  readonly #neighbours: ProgressNeighbours;
  readonly #finished: Delivery[] = [];
  #finishedBytes = 0;

  constructor(counters: Counters, neighbours: ProgressNeighbours) {
    this.#counters = counters;
    this.#neighbours = neighbours;
  }

  done(open: TrackedDelivery, index: number): void {
    this.#counters.pending -= 1;
    open.remaining -= 1;
    if (open.remaining > 0) {
      open.done ??= new Uint8Array(open.delivery.messages.length);
      open.done[index] = 1;
      this.retainPoison(open);
      return;
    }
    open.owner?.open.delete(open);
    this.#finished.push(open.delivery);
    this.#finishedBytes += open.bytes;
  }

  /** A few large deliveries must not hold the budget for the sake of a poison each. */
  retainPoison(open: TrackedDelivery): void {
    const parked = this.#neighbours.parking.of(open);
    if (parked?.size !== open.remaining || open.retained !== null) return;
    this.#neighbours.budget.release(retainOnly(open, parked.keys(), this.#neighbours.source()));
  }

  /** To be called once all that came together was told of. */
  settled(): void {
    if (this.#finished.length > 0) this.#acknowledge(this.#finished.splice(0));
    this.#neighbours.wake();
    this.#neighbours.drain.check();
  }

  #acknowledge(deliveries: readonly Delivery[]): void {
    this.#neighbours.source().acknowledge(deliveries);
    for (const delivery of deliveries) delivery.release?.();
    const bytes = this.#finishedBytes;
    this.#finishedBytes = 0;
    this.#neighbours.budget.release(bytes);
  }
}
