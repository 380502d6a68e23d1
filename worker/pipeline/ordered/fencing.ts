/**
 * Kinesis cannot refuse a writer that lost its topic-partition, so an owner writes under a lease, which its broker prolongs by
 * answering (`Assignment.answeredAt`): a worker that is cut off does not learn that another one took over. It is looked at
 * before each record is sent, and again wherever its bytes go to a socket. A new owner waits until the former lease and all
 * that was sent under it must be over.
 */
import { type Assignment, LEASE_MS } from "../../source/source.ts";

/** Bytes that have left a worker are executed within this time, or never. Milliseconds. */
export const IN_TRANSIT_MS = 5_000;

/** Within this time a broker tells the former and the new owner of a hand-over, in either order. Milliseconds. */
const SKEW_MS = 1_000;

/** How long a new owner waits before its first write, milliseconds. */
export const HANDOVER_WAIT_MS = LEASE_MS + IN_TRANSIT_MS + SKEW_MS;

/**
 * A worker that lost a topic-partition and has it again so soon after it was answered last is the only one that can have
 * written for it: another one would have had to wait for longer than the lease that it may still think it has. Milliseconds.
 */
export const RETURN_MS = HANDOVER_WAIT_MS - LEASE_MS - 2 * SKEW_MS;

/** How soon to look again whether a silent broker has answered, milliseconds. */
export const ANSWERED_AGAIN_MS = 250;

/** `Clock.now()` after which nothing of the assignment may be on its way any more. */
export function leaseEnd({ answeredAt }: Assignment): number {
  return answeredAt + LEASE_MS;
}

/** Whether something new of the assignment may be sent. */
export function mayWrite(assignment: Assignment, now: number): boolean {
  return assignment.active && now <= leaseEnd(assignment);
}
