import type { DecodedEntry } from "../protocol/decoded-entry.ts";
import type { Assignment, Delivery, Message } from "../source.ts";
import type { ChunkedMessage } from "./chunk-collector.ts";
import type { EntryId } from "./entry-id.ts";

const NONE: readonly Message[] = [];

/** What a delivery came from, and is acknowledged by. */
export interface DeliveryOwner {
  readonly assignment: Assignment;
  acknowledge(delivery: WireDelivery): void;
  acknowledgeThrough(delivery: WireDelivery): void;
}

export type DeliveryContent = Pick<Delivery, "messages" | "retainedBytes"> & Pick<DecodedEntry, "release" | "permits">;

/** One entry, with what it takes to acknowledge it. */
export class WireDelivery implements Delivery {
  readonly assignment: Assignment;
  messages: readonly Message[];
  readonly retainedBytes: number;
  /** As which the broker counts it. */
  readonly permits: number;
  readonly redeliveryCount: number;
  readonly owner: DeliveryOwner;
  /** Of the last chunk, for a chunked message. */
  readonly id: EntryId;
  readonly chunked: ChunkedMessage | null;
  readonly #release: (() => void) | null;

  constructor(
    owner: DeliveryOwner,
    decoded: DeliveryContent,
    id: EntryId,
    redeliveryCount: number,
    chunked: ChunkedMessage | null,
  ) {
    this.assignment = owner.assignment;
    this.messages = decoded.messages;
    this.retainedBytes = decoded.retainedBytes;
    this.permits = decoded.permits;
    this.redeliveryCount = redeliveryCount;
    this.owner = owner;
    this.id = id;
    this.chunked = chunked;
    this.#release = decoded.release;
  }

  letGo(): void {
    this.messages = NONE;
  }

  release(): void {
    this.#release?.();
  }

  /** The same entry to the broker, with other messages. */
  shrink(messages: readonly Message[]): WireDelivery {
    const { owner, id, redeliveryCount, chunked, permits } = this;
    const content = { messages, retainedBytes: 0, release: null, permits };
    return new WireDelivery(owner, content, id, redeliveryCount, chunked);
  }
}
