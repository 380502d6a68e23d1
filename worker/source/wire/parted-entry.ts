import type { BatchCursor } from "../protocol/batch-cursor.ts";
import { type DecodedEntry, isLarge, messageBytes } from "../protocol/decoded-entry.ts";
import type { Assignment, BudgetShare, Message } from "../source.ts";
import type { Acknowledger } from "./acknowledger.ts";
import { type DeliveryContent, type DeliveryOwner, WireDelivery } from "./delivery.ts";
import type { EntryId } from "./entry-id.ts";
import type { Incomplete, Room } from "./incomplete.ts";

/** Parts that may be with the pipeline whatever the budget: one in flight, and the next one. */
const ALWAYS = 2;
/** Parts that may be with the pipeline at once. */
const MOST = 16;
/** Messages that may be set aside before no further part is handed on: each stays in memory until somebody mends its cause. */
const MOST_SET_ASIDE = 1_000;

/** A part of an entry whose messages are handed on one part after the other. */
export class PartDelivery extends WireDelivery {
  readonly continues: boolean;
  /** Counts the parts of its entry. */
  readonly ordinal: number;
  /** Its messages were copied out of the entry. */
  isShrunk = false;
  readonly #entry: PartedEntry;

  constructor(
    entry: PartedEntry,
    content: DeliveryContent,
    id: EntryId,
    redeliveryCount: number,
    place: Pick<PartDelivery, "continues" | "ordinal">,
  ) {
    super(entry, content, id, redeliveryCount, null);
    this.#entry = entry;
    this.continues = place.continues;
    this.ordinal = place.ordinal;
  }

  setAside(change: number): void {
    this.#entry.setAside(change);
  }

  override shrink(messages: readonly Message[]): WireDelivery {
    const { id, redeliveryCount } = this;
    const content = { messages, retainedBytes: 0, release: null, permits: 0 };
    const shrunk = new PartDelivery(this.#entry, content, id, redeliveryCount, this);
    shrunk.isShrunk = true;
    this.#entry.shrunk();
    return shrunk;
  }
}

export interface PartedEntryOptions {
  readonly owner: DeliveryOwner;
  readonly decoded: DecodedEntry;
  readonly cursor: BatchCursor;
  readonly id: EntryId;
  /** The entry before it: what is done of this one covers no more. Null at the start of a life. */
  readonly before: EntryId | null;
  readonly redeliveryCount: number;
  readonly acks: Acknowledger;
  readonly share: BudgetShare;
  readonly incomplete: Incomplete;
  readonly room: Room;
  readonly deliver: (delivery: WireDelivery) => void;
  /** A part is done, so that the next one may be due. */
  readonly onPartDone: () => void;
  readonly onGone: (entry: PartedEntry) => void;
}

/**
 * An entry of more messages than a delivery holds: its bytes are taken from the budget once, the objects of each part with it.
 * It is acknowledged when all its parts are done, or in order with its last part.
 */
export class PartedEntry implements DeliveryOwner {
  readonly assignment: Assignment;
  readonly share: BudgetShare;
  readonly #options: PartedEntryOptions;
  readonly #isLarge: boolean;
  #made = 0;
  /** Parts that are done or were shrunk. In order: the first ones. */
  #left = 0;
  /** Unordered. */
  #acknowledged = 0;
  #released = 0;
  #setAside = 0;
  #isGone = false;

  constructor(options: PartedEntryOptions) {
    const { owner, decoded, share } = options;
    this.assignment = owner.assignment;
    this.share = share;
    this.#options = options;
    this.#isLarge = isLarge(decoded.entry, decoded.retainedBytes);
    share.take(decoded.retainedBytes);
    if (!this.#isLarge) return;
    this.#keep(decoded.retainedBytes);
    options.incomplete.large.add(this);
  }

  /** All parts were handed on. */
  get isWhole(): boolean {
    return this.#options.cursor.left === 0;
  }

  /** The next part may be handed on. */
  get mayGoOn(): boolean {
    if (this.#setAside >= MOST_SET_ASIDE) return false;
    const open = this.#made - this.#left;
    return open < ALWAYS || (open < MOST && this.#options.room.hasRoom);
  }

  handOn(): void {
    const { cursor, share, deliver, id, before, redeliveryCount } = this.#options;
    const messages = cursor.next();
    const retainedBytes = messageBytes(messages.length);
    const content = { messages, retainedBytes, release: () => this.#onReleased(), permits: 0 };
    const continues = cursor.left > 0;
    const through = continues ? (before ?? id) : id;
    const place = { continues, ordinal: this.#made };
    this.#made += 1;
    share.take(retainedBytes);
    deliver(new PartDelivery(this, content, through, redeliveryCount, place));
  }

  acknowledge(delivery: WireDelivery): void {
    const { acks, id, decoded } = this.#options;
    this.#acknowledged += 1;
    if (this.isWhole && this.#acknowledged === this.#made) acks.entry(id[0], id[1], decoded.permits);
    if (delivery instanceof PartDelivery && !delivery.isShrunk) this.#leave(this.#left + 1);
  }

  acknowledgeThrough(delivery: WireDelivery): void {
    const { owner, before } = this.#options;
    if (!(delivery instanceof PartDelivery)) return;
    if (!delivery.continues || before !== null) owner.acknowledgeThrough(delivery);
    this.#leave(delivery.ordinal + 1);
  }

  setAside(change: number): void {
    this.#setAside += change;
    if (change < 0) this.#options.onPartDone();
  }

  shrunk(): void {
    this.#leave(this.#left + 1);
  }

  /** Gives back what the entry takes; its parts are the pipeline's. */
  end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const { decoded, share, incomplete, onGone } = this.#options;
    share.take(-decoded.retainedBytes);
    if (incomplete.large.delete(this)) this.#keep(-decoded.retainedBytes);
    onGone(this);
  }

  #keep(bytes: number): void {
    const { share, incomplete } = this.#options;
    share.unfinished += bytes;
    incomplete.bytes += bytes;
  }

  #leave(left: number): void {
    this.#left = left;
    const { room, onPartDone } = this.#options;
    if (this.isWhole && left === this.#made) {
      this.end();
      room.gaveBack();
    } else onPartDone();
  }

  /** Its memory is used again only if no part was shrunk: copies of those stay without a word of their end. */
  #onReleased(): void {
    this.#released += 1;
    if (this.isWhole && this.#released === this.#made) this.#options.decoded.release?.();
  }
}
