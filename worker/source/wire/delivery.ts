import type { Assignment, Delivery } from "../source.ts";
import type { Activation } from "./activation.ts";
import type { ChunkedMessage, Id } from "./chunks.ts";
import type { DecodedEntry } from "./entry-decoder.ts";
import type { WireMessage } from "./message.ts";

/** One entry, with what it takes to acknowledge it. */
export class WireDelivery implements Delivery {
  readonly assignment: Assignment;
  readonly messages: readonly WireMessage[];
  readonly retainedBytes: number;
  readonly redeliveryCount: number;
  readonly activation: Activation;
  /** Of the last chunk, for a chunked message. */
  readonly id: Id;
  readonly chunked: ChunkedMessage | null;

  constructor(
    activation: Activation,
    decoded: DecodedEntry,
    id: Id,
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
  }
}
