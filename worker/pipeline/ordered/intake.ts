/** Takes deliveries in, in order: each message goes into the lane of its key, once its topic-partition may be written for. */
import type { PoisonError } from "../../format/format.ts";
import type { Assignment, Delivery } from "../../source/source.ts";
import type { Budget } from "../budget.ts";
import { type Counters, countReceived } from "../counters.ts";
import type { Drain } from "../intake/drain.ts";
import { addedBytes, dataBytes, encodeMessage, NotNowError } from "../intake/encoding.ts";
import type { Intake, IntakeReport } from "../intake/intake.ts";
import { createSchemaWait, type SchemaWait } from "../intake/schema-wait.ts";
import type { Settings } from "../options.ts";
import type { Sender } from "../requests/sender.ts";
import type { Share } from "../share.ts";
import type { OrderedAssignment } from "./assignment.ts";
import type { OrderedAssignments } from "./assignments.ts";
import { Handovers } from "./handovers.ts";
import type { Lanes } from "./lanes.ts";
import type { OrderedRecord } from "./outcomes.ts";
import type { OrderedProgress } from "./progress.ts";
import type { Stops } from "./stops.ts";

export interface OrderedIntakeNeighbours {
  readonly budget: Budget;
  readonly assignments: OrderedAssignments;
  readonly lanes: Lanes;
  readonly progress: OrderedProgress;
  readonly stops: Stops;
  readonly sender: Sender<OrderedRecord>;
  readonly drain: Drain;
  readonly wake: () => void;
}

export class OrderedIntake implements Intake {
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #neighbours: OrderedIntakeNeighbours;
  readonly #schemaWait: SchemaWait;
  readonly #handovers: Handovers;
  #closed = false;

  constructor(settings: Settings, counters: Counters, neighbours: OrderedIntakeNeighbours) {
    this.#settings = settings;
    this.#counters = counters;
    this.#neighbours = neighbours;
    this.#schemaWait = createSchemaWait(settings, counters);
    this.#handovers = new Handovers(settings, neighbours.sender, (assignment) => this.#pump(assignment));
  }

  assigned(given: Assignment): void {
    const { assignments, stops, drain } = this.#neighbours;
    stops.returned(given.topic, this.#settings.clock.now());
    this.#handovers.assigned(assignments.add(given), !drain.active);
  }

  deliver(delivery: Delivery): void {
    const { budget, assignments, drain, stops } = this.#neighbours;
    countReceived(this.#counters, delivery);
    this.#counters.pending += delivery.messages.length;
    const assignment = assignments.of(delivery.assignment);
    if (assignment === undefined || !assignment.isOpen || drain.active) {
      assignments.drop(budget.shareOf(delivery.assignment), [delivery]);
      return;
    }
    stops.resumed(assignment.topic);
    assignment.waiting.push(delivery);
    if (this.#settings.clock.now() >= assignment.writableAt) this.#pump(assignment);
  }

  revoked(given: Assignment): void {
    const { assignments, lanes, progress, budget, drain } = this.#neighbours;
    const assignment = assignments.of(given);
    if (assignment === undefined) return;
    assignments.remove(assignment);
    progress.revoked(assignment);
    lanes.revoke(assignment);
    assignments.dropWaiting(assignment);
    const open = assignment.checkpoint.clear();
    this.#counters.pending -= open.remaining;
    this.#handovers.lost(assignment);
    assignment.share.release(open.bytes);
    budget.end(given);
    drain.check();
  }

  giveBack({ assignment: given }: Share): void {
    const { assignments, progress, drain } = this.#neighbours;
    const assignment = assignments.of(given);
    if (assignment?.isOpen && !drain.active)
      progress.giveBack(assignment, this.#counters.sourceFailure?.message ?? null);
  }

  report(): IntakeReport {
    const now = this.#settings.clock.now();
    const { assignments, stops } = this.#neighbours;
    return {
      oldestPublishTime: assignments.oldestPublishTime,
      overdue: assignments.overdue(now - this.#settings.recordTtlMs),
      ...stops.report(now),
    };
  }

  stop(): void {
    this.#neighbours.assignments.dropAllWaiting();
  }

  leave(): Promise<void> {
    return this.#handovers.leave(this.#neighbours.assignments.all());
  }

  close(): void {
    this.#closed = true;
    this.#handovers.close();
  }

  /** Takes in what waits, in order, as far as its schemas are at hand. */
  #pump(assignment: OrderedAssignment): void {
    while (!assignment.preparing && assignment.isOpen) {
      const delivery = assignment.waiting.peek();
      if (delivery === undefined) break;
      const pending = this.#settings.format.prepare(delivery);
      if (pending === undefined) {
        assignment.waiting.shift();
        this.#admit(assignment, delivery);
      } else this.#prepare(assignment, delivery, pending);
    }
    this.#neighbours.wake();
  }

  #prepare(assignment: OrderedAssignment, delivery: Delivery, pending: Promise<void>): void {
    assignment.preparing = true;
    const wanted = (): boolean => !this.#closed && assignment.waiting.peek() === delivery;
    this.#schemaWait.finish(delivery, pending, wanted, () => {
      assignment.preparing = false;
      assignment.waiting.shift();
      this.#admit(assignment, delivery);
      this.#pump(assignment);
      this.#neighbours.progress.settled();
    });
  }

  #admit(assignment: OrderedAssignment, delivery: Delivery): void {
    const { format, limits, partitionKey, clock } = this.#settings;
    const { lanes, progress, stops } = this.#neighbours;
    const { topic, nextOrdinal: firstOrdinal } = assignment;
    const open = assignment.checkpoint.track(delivery, delivery.retainedBytes, clock.now());
    if (delivery.continues === true && stops.precedes(topic, delivery.messages.at(-1)?.id ?? "")) {
      progress.deliveredBefore(assignment, open);
      return;
    }
    let added = 0;
    for (const message of delivery.messages) {
      const lane = lanes.laneOf(assignment, partitionKey(message, topic));
      try {
        const data = encodeMessage(format, limits, message, topic, lane.keyBytes);
        added += addedBytes(data);
        lanes.append(lane, open, message, dataBytes(message, data), data);
      } catch (error) {
        if (error instanceof NotNowError) {
          progress.giveBack(assignment, error.message);
          break;
        }
        if (progress.poisoned(lane, open, message, error as PoisonError, firstOrdinal)) break;
      }
    }
    delivery.letGo?.();
    open.bytes += added;
    assignment.share.take(added);
  }
}
