import type { DecodedEntry } from "../protocol/entry-decoder.ts";
import type { Assignment, Delivery, Message } from "../source.ts";
import type { Activation } from "./activation.ts";
import type { ChunkedMessage } from "./chunk-collector.ts";
import type { EntryId } from "./entry-id.ts";

const NONE: readonly Message[] = [];

/** One entry, with what it takes to acknowledge it. */
export class WireDelivery implements Delivery {
  readonly assignment: Assignment;
  messages: readonly Message[];
  readonly retainedBytes: number;
  readonly redeliveryCount: number;
  readonly activation: Activation;
  /** Of the last chunk, for a chunked message. */
  readonly id: EntryId;
  readonly chunked: ChunkedMessage | null;
  readonly #release: (() => void) | null;

  constructor(
    activation: Activation,
    decoded: Pick<Delivery, "messages" | "retainedBytes"> & Pick<DecodedEntry, "release">,
    id: EntryId,
    redeliveryCount: number,
    chunked: ChunkedMessage | null,
  ) {
    this.assignment = activation.assignment;
    this.messages = decoded.messages;
    this.retainedBytes = decoded.retainedBytes;
    this.redeliveryCount = redeliveryCount;
    this.activation = activation;
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
    const { activation, id, redeliveryCount, chunked } = this;
    return new WireDelivery(activation, { messages, retainedBytes: 0, release: null }, id, redeliveryCount, chunked);
  }
}
