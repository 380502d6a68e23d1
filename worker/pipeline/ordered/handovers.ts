/**
 * From when on a topic-partition may be written for after it was assigned, and how it is left. Whoever had it before may have
 * bytes on their way, so a new owner waits; but not where the former owner left a mark, nor where that was this worker itself
 * a moment ago.
 */
import type { Settings } from "../options.ts";
import { MARK_VALID_MS } from "../peers.ts";
import type { Sender } from "../requests/sender.ts";
import type { OrderedAssignment } from "./assignment.ts";
import { RETURN_MS } from "./fencing.ts";
import type { OrderedRecord } from "./outcomes.ts";

/** A topic-partition that was lost. */
interface Lost {
  readonly assignment: OrderedAssignment;
  /** Requests with its records are on their way. */
  inFlight: boolean;
  /** A mark of it may be there. */
  marked: boolean;
  /** It is this worker's again, which waits for that what was on its way has ended, or that no mark is there after all. */
  resume: (() => void) | null;
}

export class Handovers {
  readonly #settings: Settings;
  readonly #sender: Sender<OrderedRecord>;
  /** Called when a topic-partition may be written for. */
  readonly #writable: (assignment: OrderedAssignment) => void;
  /** By topic: of each the last one that was lost. */
  readonly #lost = new Map<string, Lost>();
  #closed = false;

  constructor(settings: Settings, sender: Sender<OrderedRecord>, writable: (assignment: OrderedAssignment) => void) {
    this.#settings = settings;
    this.#sender = sender;
    this.#writable = writable;
  }

  /** @param mayTake a mark, which is gone for others then */
  assigned(assignment: OrderedAssignment, mayTake: boolean): void {
    const { clock, handoverWaitMs, peers } = this.#settings;
    clock.timer(handoverWaitMs, () => this.#waited(assignment));
    const lost = this.#lost.get(assignment.topic);
    if (lost !== undefined && peers.extraWaitMs === 0 && comesBack(lost.assignment, clock.now())) {
      lost.resume = () => this.#returned(assignment, lost);
      if (!lost.inFlight) lost.resume();
    } else if (mayTake && lost?.inFlight !== true) void this.#take(assignment, lost?.assignment.uncertainUntil ?? 0);
  }

  /** Nothing new of it is sent. What is on its way is waited for: its outcome makes the end a clean one. */
  lost(assignment: OrderedAssignment): void {
    assignment.stopWaiting();
    this.#forgetOld();
    const lost: Lost = { assignment, inFlight: true, marked: false, resume: null };
    this.#lost.set(assignment.topic, lost);
    this.#whenEnded(assignment, () => this.#ended(lost));
  }

  /** Nothing is sent any more. Leaves a mark for each topic-partition of which nothing is on its way. */
  async leave(assignments: Iterable<OrderedAssignment>): Promise<void> {
    const left: OrderedAssignment[] = [];
    for (const assignment of assignments) {
      assignment.stopWaiting();
      if (assignment.inLanes === 0 && this.#isClean(assignment))
        this.#whenEnded(assignment, () => left.push(assignment));
    }
    // What ends later is left without one.
    const marks = left.splice(0);
    this.close();
    if (marks.length > 0) await this.#mark(marks);
  }

  close(): void {
    this.#closed = true;
  }

  /** Whatever the former owner was, it is over. */
  #waited(assignment: OrderedAssignment): void {
    const { clock, peers } = this.#settings;
    this.#openAt(assignment, clock.now() + peers.extraWaitMs);
  }

  /** It came back before another worker could have written for it, and nothing of it is on its way. */
  #returned(assignment: OrderedAssignment, { assignment: last, marked }: Lost): void {
    const at = Math.max(last.writableAt, last.uncertainUntil);
    // Where a mark was left another worker may have taken it and written, or may do so still.
    if (marked) void this.#take(assignment, at);
    else this.#openAt(assignment, at);
  }

  async #take(assignment: OrderedAssignment, at: number): Promise<void> {
    const taken = await this.#settings.peers.take(assignment.topic, assignment.waits);
    if (taken) this.#openAt(assignment, at);
  }

  /** The earliest time counts. */
  #openAt(assignment: OrderedAssignment, at: number): void {
    const { clock } = this.#settings;
    if (this.#closed || assignment.isRevoked || at >= assignment.writableAt) return;
    const now = clock.now();
    assignment.writableAt = Math.max(now, at);
    if (at > now) clock.timer(at - now, () => this.#open(assignment));
    else this.#open(assignment);
  }

  #open(assignment: OrderedAssignment): void {
    assignment.stopWaiting();
    this.#writable(assignment);
  }

  #ended(lost: Lost): void {
    lost.inFlight = false;
    if (lost.resume !== null) lost.resume();
    else if (!this.#closed && this.#isClean(lost.assignment)) void this.#leaveLost(lost);
  }

  async #leaveLost(lost: Lost): Promise<void> {
    lost.marked = true;
    lost.marked = await this.#mark([lost.assignment]);
    if (!lost.marked) lost.resume?.();
  }

  #mark(assignments: readonly OrderedAssignment[]): Promise<boolean> {
    const { clock, peers } = this.#settings;
    const now = clock.now();
    return peers.leave(
      assignments.map(({ topic, given }) => ({ topic, ownedAt: clock.wall() - (now - given.answeredAt) })),
    );
  }

  /** Whatever was on its way when it was assigned or was sent since has been executed, or never will be. */
  #isClean({ writableAt, uncertainUntil, given }: OrderedAssignment): boolean {
    const now = this.#settings.clock.now();
    return now >= writableAt && now >= uncertainUntil && now - given.answeredAt < MARK_VALID_MS;
  }

  #whenEnded(assignment: OrderedAssignment, then: () => void): void {
    this.#sender.withdraw((record) => carries(record, assignment), then);
  }

  #forgetOld(): void {
    const now = this.#settings.clock.now();
    for (const [topic, { assignment, inFlight }] of this.#lost) {
      if (!inFlight && !comesBack(assignment, now) && now >= assignment.uncertainUntil) this.#lost.delete(topic);
    }
  }
}

/** Whether nobody else can have written for it since it was lost. */
function comesBack({ given }: OrderedAssignment, now: number): boolean {
  return now - given.answeredAt <= RETURN_MS;
}

export function carries(record: OrderedRecord, assignment: OrderedAssignment): boolean {
  if (record.userRecords === null) return record.assignment === assignment;
  return record.userRecords.some((each) => each.assignment === assignment);
}
