/**
 * What the unordered pipeline delivered of entries that were open when their assignment ended. The broker sends those
 * entries again, whole; what was delivered of them, or is on its way still, need not be written twice.
 */
import type { Clock } from "../../../runtime/clock.ts";
import type { TrackedDelivery, UnorderedAssignment, UnorderedRecord, UnorderedUserRecord } from "./records.ts";

/** Message ids that are kept, of some 100 bytes each; of more than these the oldest are delivered twice. */
const MOST = 65_536;
/** An entry that did not come again this long after its topic-partition did went to another worker, milliseconds. */
const COMES_WITHIN_MS = 60_000;

export interface Redelivery {
  /** @param visit calls back with each record on its way */
  ended(share: UnorderedAssignment, visit: (each: (record: UnorderedRecord) => void) => void): void;
  /** The topic-partition is this worker's again. */
  assigned(topic: string): void;
  /** The outcome of a message whose assignment ended. */
  landed(item: UnorderedUserRecord, accepted: boolean): void;
  /** False: no message of the topic-partition is covered. */
  knows(topic: string): boolean;
  /** True when the message is not to be sent: it is done already, or will be once its record is accepted. */
  covers(mark: TrackedDelivery, index: number): boolean;
}

/** A message, by its position in its delivery. */
interface Place {
  readonly mark: TrackedDelivery;
  readonly index: number;
}

interface Memory {
  /** By message id: delivered, or still on its way. */
  readonly fates: Map<string, "delivered" | UnorderedUserRecord>;
  /** `Clock.now()` */
  expiresAt: number;
}

/**
 * @param done called with a message that need not be sent
 * @param again called with a message that was on its way, and was not accepted
 */
export function createRedelivery(
  clock: Clock,
  done: (mark: TrackedDelivery, index: number) => void,
  again: (mark: TrackedDelivery, index: number) => void,
): Redelivery {
  const memories = new Map<string, Memory>();
  /** Records on their way for ended assignments, and where their messages came again meanwhile. */
  const onTheirWay = new Map<UnorderedUserRecord, Place | null>();

  const memoryOf = (topic: string): Memory => {
    const known = memories.get(topic);
    if (known !== undefined) return known;
    const memory: Memory = { fates: new Map(), expiresAt: Number.POSITIVE_INFINITY };
    memories.set(topic, memory);
    return memory;
  };
  const idOf = ({ mark, index }: Place): string => mark.ids?.[index] ?? mark.delivery.messages[index]?.id ?? "";
  const note = (place: Place, fate: "delivered" | UnorderedUserRecord): void => {
    memoryOf(place.mark.delivery.assignment.topic).fates.set(idOf(place), fate);
  };
  const trim = (): void => {
    let count = 0;
    for (const { fates } of memories.values()) count += fates.size;
    for (const [topic, { fates }] of memories) {
      for (const id of fates.keys()) {
        if (count <= MOST) return;
        fates.delete(id);
        count -= 1;
      }
      memories.delete(topic);
    }
  };

  return {
    ended: (share, visit) => {
      const known = memories.get(share.assignment.topic);
      if (known !== undefined) known.expiresAt = Number.POSITIVE_INFINITY;
      for (const mark of share.open) {
        mark.done?.forEach((isDone, index) => {
          if (isDone === 1) note({ mark, index }, "delivered");
        });
      }
      visit((record) => {
        for (const item of record.userRecords ?? [record]) {
          if (!share.open.has(item.mark)) continue;
          onTheirWay.set(item, null);
          note(item, item);
        }
      });
      trim();
    },
    assigned: (topic) => {
      const memory = memories.get(topic);
      if (memory !== undefined) memory.expiresAt = clock.now() + COMES_WITHIN_MS;
    },
    landed: (item, accepted) => {
      const heir = onTheirWay.get(item);
      if (heir === undefined) return;
      onTheirWay.delete(item);
      const fates = memories.get(item.mark.delivery.assignment.topic)?.fates;
      const id = idOf(item);
      const isWanted = heir !== null && heir.mark.owner !== null;
      if (fates?.get(id) === item) {
        if (accepted && !isWanted) fates.set(id, "delivered");
        else fates.delete(id);
      }
      if (!isWanted) return;
      if (accepted) done(heir.mark, heir.index);
      else again(heir.mark, heir.index);
    },
    knows: (topic) => {
      const memory = memories.get(topic);
      if (memory === undefined) return false;
      if (clock.now() < memory.expiresAt && memory.fates.size > 0) return true;
      memories.delete(topic);
      return false;
    },
    covers: (mark, index) => {
      const fates = memories.get(mark.delivery.assignment.topic)?.fates;
      const id = idOf({ mark, index });
      const fate = fates?.get(id);
      if (fate === undefined) return false;
      if (fate === "delivered") {
        fates?.delete(id);
        done(mark, index);
      } else onTheirWay.set(fate, { mark, index });
      return true;
    },
  };
}
