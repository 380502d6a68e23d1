/** What is done is acknowledged: an entry once all its messages are. */
import type { Delivery, Source } from "../../source/source.ts";
import type { Budget } from "../budget.ts";
import type { Counters } from "../counters.ts";
import type { Drain } from "../intake/drain.ts";
import type { Parking } from "./parking.ts";
import type { Redelivery } from "./redelivery.ts";
import { retainOnly } from "./retained-poison.ts";
import type { TrackedDelivery } from "./tracked-delivery.ts";

/** The stations that it tells of what is done. */
export interface ProgressNeighbours {
  readonly source: () => Source;
  readonly budget: Budget;
  readonly parking: Parking;
  readonly redelivery: Redelivery;
  readonly drain: Drain;
  readonly wake: () => void;
}

export class UnorderedProgress {
  readonly #counters: Counters;
  readonly #neighbours: ProgressNeighbours;
  readonly #finished: Delivery[] = [];

  constructor(counters: Counters, neighbours: ProgressNeighbours) {
    this.#counters = counters;
    this.#neighbours = neighbours;
  }

  done(open: TrackedDelivery, index: number): void {
    if (open.owner?.share.isOnTrial) this.#neighbours.redelivery.assigned(open.owner.given, false);
    open.owner?.share.moved();
    this.doneBefore(open, index);
  }

  /** The message came again, and was delivered before: nothing moved by that. */
  doneBefore(open: TrackedDelivery, index: number): void {
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
    open.owner?.share.take(-open.bytes);
  }

  /** A few large deliveries must not hold the budget for the sake of a poison each. */
  retainPoison(open: TrackedDelivery): void {
    const parked = this.#neighbours.parking.of(open);
    if (parked?.size !== open.remaining || open.retained !== null) return;
    open.owner?.share.release(retainOnly(open, parked.keys(), this.#neighbours.source()));
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
    this.#neighbours.budget.gaveBack();
  }
}
