/**
 * Turns finished messages into acknowledgements: a counter per delivery, a low watermark per topic-partition. Only the
 * contiguous finished prefix may be acknowledged; what was finished behind a gap waits for the gap to close.
 */
import type { Delivery } from "../../source/source.ts";
import { createFifo } from "../fifo.ts";

/** A delivery that is not acknowledged yet. */
export interface OpenDelivery {
  readonly delivery: Delivery;
  /** `Clock.now()` */
  readonly receivedAt: number;
  /** Of its first message, epoch milliseconds. */
  readonly publishTime: number | undefined;
  /** Messages not done yet. */
  remaining: number;
  /** What it takes of the budget, bytes. */
  bytes: number;
}

export interface Checkpoint {
  /** Deliveries tracked and not yet passed by the watermark. */
  readonly length: number;
  readonly oldest: OpenDelivery | undefined;
  track(delivery: Delivery, bytes: number, receivedAt: number): OpenDelivery;
  /** Moves the watermark over the finished prefix, whose deliveries are released; null when it cannot move. */
  advance(): { readonly through: OpenDelivery; readonly bytes: number } | null;
  /** Forgets every delivery behind the watermark; returns their bytes and their messages not done. */
  clear(): { readonly bytes: number; readonly remaining: number };
  /** Those behind the watermark, oldest first. */
  [Symbol.iterator](): Iterator<OpenDelivery>;
}

export function createOpenDelivery(delivery: Delivery, bytes: number, receivedAt: number): OpenDelivery {
  return { delivery, receivedAt, publishTime: publishTime(delivery), remaining: delivery.messages.length, bytes };
}

/** Epoch milliseconds. */
export function publishTime({ messages: [first] }: Delivery): number | undefined {
  return first?.entry.publishTime;
}

/** Messages not done of deliveries that were received before `time`. @param deliveries oldest first */
export function undoneSince(deliveries: Iterable<OpenDelivery>, time: number): number {
  let count = 0;
  for (const { receivedAt, remaining } of deliveries) {
    if (receivedAt >= time) break;
    count += remaining;
  }
  return count;
}

export function createCheckpoint(): Checkpoint {
  const deliveries = createFifo<OpenDelivery>();
  return {
    get length() {
      return deliveries.length;
    },
    get oldest() {
      return deliveries.peek();
    },
    track: (delivery, bytes, receivedAt) => {
      const open = createOpenDelivery(delivery, bytes, receivedAt);
      deliveries.push(open);
      return open;
    },
    advance: () => {
      let through: OpenDelivery | null = null;
      let bytes = 0;
      for (let open = deliveries.peek(); open !== undefined && open.remaining === 0; open = deliveries.peek()) {
        deliveries.shift();
        open.delivery.release?.();
        through = open;
        bytes += open.bytes;
      }
      return through === null ? null : { through, bytes };
    },
    clear: () => {
      let bytes = 0;
      let remaining = 0;
      for (const open of deliveries) {
        bytes += open.bytes;
        remaining += open.remaining;
      }
      deliveries.clear();
      return { bytes, remaining };
    },
    [Symbol.iterator]: () => deliveries[Symbol.iterator](),
  };
}
