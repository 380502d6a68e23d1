import type { Clock } from "../../../runtime/clock.ts";

/**
 * A broker confirms an acknowledgement once it has it in memory and stores it later (its managedLedgerDefaultMarkDeleteRateLimit:
 * once a second for each subscription), so that one that is killed forgets the latest.
 */
const UNDURABLE_MS = 10_000;
/** Entries, 16 bytes each; of more than these the oldest count as stored. */
const MOST_UNDURABLE = 32_768;

/** One group of acknowledgements that was sent. */
export interface UndurableGroup {
  /** Ledger, entry, ledger, entry, … */
  readonly ids: readonly number[];
}

/** Entries whose acknowledgement was sent, and that the broker may send again all the same. */
export interface UndurableAcks {
  /** @param ids ledger, entry, ledger, entry, … of one group, sent now */
  add(ids: readonly number[]): UndurableGroup;
  /** The broker has it in memory. One that it never confirmed may not have reached it, however long ago it was sent. */
  confirmed(group: UndurableGroup): void;
  /** The broker refused the group: to ask once more is no use. */
  refused(group: UndurableGroup): void;
  /** Of all groups. */
  ids(): number[];
}

interface Group extends UndurableGroup {
  /** `Clock.now()`; null until then. */
  confirmedAt: number | null;
}

export function createUndurableAcks(clock: Clock): UndurableAcks {
  const groups: Group[] = [];
  let count = 0;

  const remove = (index: number): void => {
    for (const { ids } of groups.splice(index, 1)) count -= ids.length / 2;
  };
  const isStored = (group: Group | undefined, now: number): boolean =>
    group !== undefined && group.confirmedAt !== null && now - group.confirmedAt > UNDURABLE_MS;

  return {
    add(ids) {
      const now = clock.now();
      const added: Group = { ids, confirmedAt: null };
      groups.push(added);
      count += ids.length / 2;
      while (count > MOST_UNDURABLE || isStored(groups[0], now)) remove(0);
      return added;
    },
    confirmed(group) {
      (group as Group).confirmedAt = clock.now();
    },
    refused(group) {
      const index = groups.indexOf(group as Group);
      if (index >= 0) remove(index);
    },
    ids: () => groups.flatMap((group) => group.ids),
  };
}
