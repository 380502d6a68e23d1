/**
 * What the unordered pipeline delivered of entries that were open when their assignment ended. The broker sends those
 * entries again, whole; what was delivered of them, or is on its way still, need not be written twice.
 */
import type { Clock } from "../../../runtime/clock.ts";
import type { Assignment } from "../../source/source.ts";
import type { UnorderedRecord } from "./attempts.ts";
import type { TrackedDelivery, UnorderedAssignment } from "./tracked-delivery.ts";
import type { UnorderedUserRecord } from "./user-record.ts";

/** Message ids that are kept, of some 100 bytes each; of more than these the oldest are delivered twice. */
const MOST = 65_536;
/** An entry that did not come again this long after its topic-partition did went to another worker, milliseconds. */
const COMES_WITHIN_MS = 60_000;

export interface Redelivery {
  /** @param inFlight the records on their way */
  ended(assignment: UnorderedAssignment, inFlight: Iterable<UnorderedRecord>): void;
  /** The topic-partition is this worker's again; in another cluster nothing is known of it. */
  assigned(given: Assignment, onTrial: boolean): void;
  /**
   * The outcome of a message whose assignment ended.
   * @returns where it came again meanwhile and waits for this outcome: it is done there too, or is to be sent for there
   */
  landed(record: UnorderedUserRecord, accepted: boolean): Place | null;
  /** False: no message of the topic-partition is known. */
  knows(topic: string): boolean;
  /** What became of the message that came again: it need not be sent, or not before `landed` tells; null: not known. */
  claim(open: TrackedDelivery, index: number): "delivered" | "onItsWay" | null;
}

/** A message, by its position in its delivery. */
export interface Place {
  readonly openDelivery: TrackedDelivery;
  readonly index: number;
}

export function createRedelivery(clock: Clock): Redelivery {
  return new RememberedMessages(clock);
}

interface Memory {
  /** By message id: delivered, or still on its way. */
  readonly fates: Map<string, "delivered" | UnorderedUserRecord>;
  readonly cluster: string | undefined;
  /** `Clock.now()` */
  expiresAt: number;
}

class RememberedMessages implements Redelivery {
  readonly #clock: Clock;
  /** By topic-partition. */
  readonly #memories = new Map<string, Memory>();
  /** Records on their way for ended assignments, and where their messages came again meanwhile. */
  readonly #onTheirWay = new Map<UnorderedUserRecord, Place | null>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ended(assignment: UnorderedAssignment, inFlight: Iterable<UnorderedRecord>): void {
    const known = this.#memories.get(assignment.given.topic);
    if (known !== undefined) known.expiresAt = Number.POSITIVE_INFINITY;
    for (const openDelivery of assignment.open) {
      openDelivery.done?.forEach((isDone, index) => {
        if (isDone === 1) this.#note({ openDelivery, index }, "delivered");
      });
    }
    for (const record of inFlight) {
      for (const each of record.userRecords ?? [record]) {
        if (!assignment.open.has(each.openDelivery)) continue;
        this.#onTheirWay.set(each, null);
        this.#note(each, each);
      }
    }
    this.#trim();
  }

  assigned({ topic, cluster }: Assignment, onTrial: boolean): void {
    const memory = this.#memories.get(topic);
    if (memory !== undefined && memory.cluster !== cluster) this.#memories.delete(topic);
    // On trial its entries come one at a time: how late, nobody knows.
    else if (memory !== undefined && !onTrial) memory.expiresAt = this.#clock.now() + COMES_WITHIN_MS;
  }

  landed(record: UnorderedUserRecord, accepted: boolean): Place | null {
    const place = this.#onTheirWay.get(record);
    if (place === undefined) return null;
    this.#onTheirWay.delete(record);
    const fates = this.#memories.get(record.openDelivery.delivery.assignment.topic)?.fates;
    const id = idOf(record);
    const wanted = place !== null && place.openDelivery.owner !== null ? place : null;
    if (fates?.get(id) === record) {
      if (accepted && wanted === null) fates.set(id, "delivered");
      else fates.delete(id);
    }
    return wanted;
  }

  knows(topic: string): boolean {
    const memory = this.#memories.get(topic);
    if (memory === undefined) return false;
    if (this.#clock.now() < memory.expiresAt && memory.fates.size > 0) return true;
    this.#memories.delete(topic);
    return false;
  }

  claim(openDelivery: TrackedDelivery, index: number): "delivered" | "onItsWay" | null {
    const place = { openDelivery, index };
    const fates = this.#memories.get(openDelivery.delivery.assignment.topic)?.fates;
    const id = idOf(place);
    const fate = fates?.get(id);
    if (fate === undefined) return null;
    if (fate === "delivered") {
      fates?.delete(id);
      return "delivered";
    }
    this.#onTheirWay.set(fate, place);
    return "onItsWay";
  }

  #note(place: Place, fate: "delivered" | UnorderedUserRecord): void {
    const { topic, cluster } = place.openDelivery.delivery.assignment;
    let memory = this.#memories.get(topic);
    if (memory === undefined) {
      memory = { fates: new Map(), cluster, expiresAt: Number.POSITIVE_INFINITY };
      this.#memories.set(topic, memory);
    }
    memory.fates.set(idOf(place), fate);
  }

  #trim(): void {
    let count = 0;
    for (const { fates } of this.#memories.values()) count += fates.size;
    for (const [topic, { fates }] of this.#memories) {
      for (const id of fates.keys()) {
        if (count <= MOST) return;
        fates.delete(id);
        count -= 1;
      }
      this.#memories.delete(topic);
    }
  }
}

function idOf({ openDelivery, index }: Place): string {
  return openDelivery.ids?.[index] ?? openDelivery.delivery.messages[index]?.id ?? "";
}
