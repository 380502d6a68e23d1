import type { MessageCommand } from "../protocol/message-command.ts";
import type { BudgetShare } from "../source.ts";

export interface HeldFrame {
  readonly command: MessageCommand;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly owned: boolean;
}

/** Entries of one topic-partition that wait behind one which is handed on in parts, or may not be read yet: as they came. */
export class HeldFrames {
  readonly #share: BudgetShare;
  readonly #frames: HeldFrame[] = [];

  constructor(share: BudgetShare) {
    this.#share = share;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  get first(): HeldFrame | undefined {
    return this.#frames[0];
  }

  /** Command and frame as for `Activation.receive`: nothing of them is kept but owned bytes. */
  push(command: MessageCommand, bytes: Buffer, start: number, end: number, owned: boolean): void {
    const frame = owned
      ? { command: { ...command }, bytes, start, end, owned }
      : { command: { ...command }, bytes: Buffer.from(bytes.subarray(start, end)), start: 0, end: end - start, owned };
    this.#frames.push(frame);
    this.#share.take(frame.bytes.length);
  }

  shift(): void {
    const frame = this.#frames.shift();
    if (frame !== undefined) this.#share.take(-frame.bytes.length);
  }

  clear(): void {
    while (!this.isEmpty) this.shift();
  }
}
