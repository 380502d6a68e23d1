/** Takes deliveries in as they come; what is open of an assignment is forgotten when it ends, but for what comes again. */
import type { Assignment, Delivery, Source } from "../../source/source.ts";
import type { Budget } from "../budget.ts";
import { type Counters, countReceived, oldestPublishTime } from "../counters.ts";
import type { Drain } from "../intake/drain.ts";
import { GIVEN_BACK, type Intake, type IntakeReport } from "../intake/intake.ts";
import { createSchemaWait, type SchemaWait } from "../intake/schema-wait.ts";
import type { Settings } from "../options.ts";
import type { Sender } from "../requests/sender.ts";
import type { Share } from "../share.ts";
import type { Admission } from "./admission.ts";
import type { UnorderedRecord } from "./attempts.ts";
import type { Parking } from "./parking.ts";
import type { UnorderedProgress } from "./progress.ts";
import type { Redelivery } from "./redelivery.ts";
import { createTrackedDelivery, oldest, overdue, type UnorderedAssignment } from "./tracked-delivery.ts";

export interface UnorderedIntakeNeighbours {
  readonly source: () => Source;
  readonly budget: Budget;
  readonly admission: Admission;
  readonly progress: UnorderedProgress;
  readonly parking: Parking;
  readonly redelivery: Redelivery;
  readonly sender: Sender<UnorderedRecord>;
  readonly drain: Drain;
}

export class UnorderedIntake implements Intake {
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #neighbours: UnorderedIntakeNeighbours;
  readonly #schemaWait: SchemaWait;
  readonly #assignments = new Map<Assignment, UnorderedAssignment>();
  #closed = false;

  constructor(settings: Settings, counters: Counters, neighbours: UnorderedIntakeNeighbours) {
    this.#settings = settings;
    this.#counters = counters;
    this.#neighbours = neighbours;
    this.#schemaWait = createSchemaWait(settings, counters);
  }

  assigned(given: Assignment): void {
    const { budget, redelivery } = this.#neighbours;
    const share = budget.begin(given);
    this.#assignments.set(given, { given, share, open: new Set() });
    redelivery.assigned(given, share.isOnTrial);
  }

  deliver(delivery: Delivery): void {
    const { budget, drain, admission, progress } = this.#neighbours;
    const assignment = this.#assignments.get(delivery.assignment);
    countReceived(this.#counters, delivery);
    if (assignment === undefined || drain.active) {
      budget.shareOf(delivery.assignment).release(delivery.retainedBytes);
      return;
    }
    this.#counters.pending += delivery.messages.length;
    const open = createTrackedDelivery(delivery, assignment, this.#settings.clock.now());
    assignment.open.add(open);
    const admit = (): void => {
      admission.admit(open);
      progress.settled();
    };
    const pending = this.#settings.format.prepare(delivery);
    if (pending === undefined) admit();
    else this.#schemaWait.finish(delivery, pending, () => !this.#closed && open.owner !== null, admit);
  }

  revoked(given: Assignment): void {
    const { redelivery, sender, parking, budget, drain } = this.#neighbours;
    const assignment = this.#assignments.get(given);
    if (assignment === undefined) return;
    this.#assignments.delete(given);
    redelivery.ended(assignment, sender.records());
    let bytes = 0;
    for (const open of assignment.open) {
      open.owner = null;
      this.#counters.pending -= open.remaining;
      bytes += open.bytes;
    }
    parking.sweep();
    assignment.share.release(bytes);
    budget.end(given);
    drain.check();
  }

  giveBack(share: Share): void {
    const { source, budget, drain } = this.#neighbours;
    if (drain.active) return;
    const { clock, log } = this.#settings;
    const { assignment, held: bytes, stillMs } = share;
    const delayMs = budget.giveBack(share, clock.now(), this.#counters.sourceFailure?.message ?? null);
    log.warn(GIVEN_BACK, { topic: assignment.topic, bytes, stillMs, delayMs });
    source().rewind(assignment, delayMs);
  }

  report(): IntakeReport {
    const assignments = [...this.#assignments.values()];
    return {
      oldestPublishTime: oldestPublishTime(assignments.map(oldest)),
      overdue: overdue(assignments, this.#settings.clock.now() - this.#settings.recordTtlMs),
      poison: this.#neighbours.parking.reports(),
      poisonCount: this.#neighbours.parking.count,
    };
  }

  stop(): void {
    // What was received is in queues already.
  }

  async leave(): Promise<void> {
    // No worker waits for another one.
  }

  close(): void {
    this.#closed = true;
  }
}
