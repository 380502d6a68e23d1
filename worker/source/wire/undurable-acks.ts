import type { Clock } from "../../../runtime/clock.ts";

/**
 * A broker confirms an acknowledgement once it has it in memory and stores it later (its managedLedgerDefaultMarkDeleteRateLimit:
 * once a second for each subscription), so that one that is killed forgets the latest.
 */
const UNDURABLE_MS = 10_000;
/** Entries, 16 bytes each; of more than these the oldest count as stored. */
const MOST_UNDURABLE = 32_768;

/** Entries whose acknowledgement was sent, and that the broker may send again all the same. */
export interface UndurableAcks {
  /** @param ids ledger, entry, ledger, entry, … of one group, sent now */
  add(ids: readonly number[]): void;
  /** The broker refused the group: to ask once more is no use. */
  refused(ids: readonly number[]): void;
  /** Of all groups. */
  ids(): number[];
}

export function createUndurableAcks(clock: Clock): UndurableAcks {
  const groups: { readonly ids: readonly number[]; readonly sentAt: number }[] = [];
  let count = 0;

  const remove = (index: number): void => {
    for (const { ids } of groups.splice(index, 1)) count -= ids.length / 2;
  };

  return {
    add(ids) {
      const now = clock.now();
      groups.push({ ids, sentAt: now });
      count += ids.length / 2;
      while (count > MOST_UNDURABLE || now - (groups[0]?.sentAt ?? now) > UNDURABLE_MS) remove(0);
    },
    refused(ids) {
      const index = groups.findIndex((group) => group.ids === ids);
      if (index >= 0) remove(index);
    },
    ids: () => groups.flatMap((group) => group.ids),
  };
}
