/** What the ordered pipeline keeps of one assignment of a topic-partition. */
import type { Assignment, Delivery } from "../../source/source.ts";
import { createFifo } from "../fifo.ts";
import { createCheckpoint, publishTime } from "../intake/checkpoint.ts";
import type { Share } from "../share.ts";
import { leaseEnd, mayWrite } from "./fencing.ts";

/** Which of its messages are to be sent. */
type Extent =
  | { readonly kind: "open" }
  /** Those from this ordinal on are withdrawn, for it is a poison's. */
  | { readonly kind: "stopped"; readonly from: number }
  /** None that is not on its way. */
  | { readonly kind: "closing" }
  /** None is this worker's any more. */
  | { readonly kind: "revoked" };

export class OrderedAssignment {
  /** As the source gave it. */
  readonly given: Assignment;
  readonly share: Share;
  /** `Clock.now()` before which something of it may still be executed though it was given up. */
  uncertainUntil = 0;
  readonly checkpoint = createCheckpoint();
  /** Deliveries that wait for the hand-over, or behind one whose schemas are being fetched. */
  readonly waiting = createFifo<Delivery>();
  /** The first waiting delivery is being prepared, or is to be prepared later. */
  preparing = false;
  /** Counts its messages. */
  nextOrdinal = 0;
  /** Messages in lanes. */
  inLanes = 0;
  /** Finished deliveries may have moved the watermark. */
  dirty = false;
  #extent: Extent = { kind: "open" };
  readonly #waits = new AbortController();
  #writableAt = Number.POSITIVE_INFINITY;

  constructor(given: Assignment, share: Share) {
    this.given = given;
    this.share = share;
    share.movesFrom = this.#writableAt;
  }

  /** `Clock.now()` before which nothing may be written: the former owner's last requests may still be executed. */
  get writableAt(): number {
    return this.#writableAt;
  }

  set writableAt(at: number) {
    this.#writableAt = at;
    // Until then it need not move.
    this.share.movesFrom = at;
  }

  /** Aborts when it waits no longer to be writable. */
  get waits(): AbortSignal {
    return this.#waits.signal;
  }

  stopWaiting(): void {
    this.#waits.abort();
  }

  get topic(): string {
    return this.given.topic;
  }

  get isOpen(): boolean {
    return this.#extent.kind === "open";
  }

  get isRevoked(): boolean {
    return this.#extent.kind === "revoked";
  }

  /** Nothing of it is to be waited for. */
  get isIdle(): boolean {
    return this.#extent.kind === "stopped" ? this.inLanes === 0 : this.checkpoint.length === 0;
  }

  /** When the oldest message that is not done was published: epoch milliseconds. */
  get oldestPublishTime(): number | undefined {
    const { oldest } = this.checkpoint;
    if (oldest !== undefined) return oldest.publishTime;
    const next = this.waiting.peek();
    return next && publishTime(next);
  }

  stop(from: number): void {
    this.#extent = { kind: "stopped", from };
  }

  close(): void {
    this.#extent = { kind: "closing" };
  }

  revoke(): void {
    this.#extent = { kind: "revoked" };
  }

  isWithdrawn(ordinal: number): boolean {
    const extent = this.#extent;
    if (extent.kind === "stopped") return ordinal >= extent.from;
    return extent.kind === "revoked";
  }

  /** `Clock.now()` until which what was sent of it may be on its way. */
  get leaseEnd(): number {
    return leaseEnd(this.given);
  }

  /** @param now `Clock.now()` */
  mayWrite(now: number): boolean {
    return this.#extent.kind !== "closing" && mayWrite(this.given, now);
  }
}
