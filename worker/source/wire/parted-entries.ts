import type { BatchCursor } from "../protocol/batch-cursor.ts";
import type { DecodedEntry } from "../protocol/decoded-entry.ts";
import type { MessageCommand } from "../protocol/message-command.ts";
import type { EntryId } from "./entry-id.ts";
import { type HeldFrame, HeldFrames } from "./held-frames.ts";
import { PartedEntry, type PartedEntryOptions } from "./parted-entry.ts";

/** Entries that are read in one turn of the event loop when they no longer have to wait. */
const READ_AT_ONCE = 100;

export interface PartedEntriesOptions
  extends Pick<PartedEntryOptions, "owner" | "acks" | "share" | "incomplete" | "room" | "deliver"> {
  /** True when nothing more is to be handed on. */
  readonly stopped: () => boolean;
  /** Reads an entry that was held; null: not yet. @throws SourceError */
  readonly read: (frame: HeldFrame) => DecodedEntry | null;
  readonly onLate: (permits: number, bytes: number) => void;
  readonly onUnreadable: (error: unknown) => void;
}

/** The entries of one activation that are handed on in parts, one after the other, and what waits behind them. */
export class PartedEntries {
  readonly #options: PartedEntriesOptions;
  /** Those whose parts are not all done. */
  readonly #open = new Set<PartedEntry>();
  /** The one of them whose parts were not all handed on. */
  #current: PartedEntry | null = null;
  readonly #held: HeldFrames;
  #isScheduled = false;

  constructor(options: PartedEntriesOptions) {
    this.#options = options;
    this.#held = new HeldFrames(options.share);
  }

  /** What comes now has to be held. */
  get isBusy(): boolean {
    return this.#current !== null || !this.#held.isEmpty;
  }

  /** @param before the entry before it */
  begin(
    decoded: DecodedEntry,
    cursor: BatchCursor,
    id: EntryId,
    before: EntryId | null,
    redeliveryCount: number,
  ): void {
    const { owner, acks, share, incomplete, room, deliver } = this.#options;
    const parted = new PartedEntry({
      ...{ owner, decoded, cursor, id, before, redeliveryCount, acks, share, incomplete, room, deliver },
      onPartDone: () => this.#goOnSoon(),
      onGone: (gone) => void this.#open.delete(gone),
    });
    this.#open.add(parted);
    this.#current = parted;
    this.#handOn(parted);
  }

  /** An entry waits behind others, or is not to be read yet; as `Activation.receive`. */
  hold(command: MessageCommand, bytes: Buffer, start: number, end: number, owned: boolean): void {
    this.#held.push(command, bytes, start, end, owned);
    if (this.#current === null) this.#options.room.whenRoom(this.#goOn);
  }

  /** Gives back what they take. */
  end(): void {
    if (!this.isBusy && this.#open.size === 0) return;
    for (const entry of this.#open) entry.end();
    this.#held.clear();
    this.#options.room.gaveBack();
  }

  #handOn(parted: PartedEntry): void {
    parted.handOn();
    if (parted.isWhole) this.#current = null;
    if (this.isBusy) this.#goOnSoon();
  }

  /** Not at once: the pipeline may be in the middle of a call. */
  #goOnSoon(): void {
    if (this.#isScheduled || !this.isBusy) return;
    this.#isScheduled = true;
    setImmediate(this.#goOn);
  }

  /** Hands on the next part, or what waited behind the last one. */
  readonly #goOn = (): void => {
    const { owner, stopped, room } = this.#options;
    this.#isScheduled = false;
    if (!owner.assignment.active || stopped()) return;
    if (this.#current === null) this.#readHeld();
    else if (this.#current.mayGoOn) this.#handOn(this.#current);
    else room.whenRoom(this.#goOn);
  };

  #readHeld(): void {
    for (let count = 0; this.#current === null && count < READ_AT_ONCE; count++) if (!this.#readFirst()) return;
    this.#goOnSoon();
  }

  /** False when it waits still, or there is none. */
  #readFirst(): boolean {
    const { share, room, read, onLate, onUnreadable } = this.#options;
    const frame = this.#held.first;
    if (frame === undefined) return false;
    const before = share.held;
    try {
      const decoded = read(frame);
      if (decoded === null) {
        room.whenRoom(this.#goOn);
        return false;
      }
      const bytes = Math.max(decoded.retainedBytes, share.held - before);
      this.#held.shift();
      onLate(decoded.permits, bytes);
      return true;
    } catch (error) {
      onUnreadable(error);
      return false;
    }
  }
}
