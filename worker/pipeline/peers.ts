/** What the workers of one sink tell one another, so that a topic-partition that was left clean is taken over without a wait. */

/**
 * A mark says that of a topic-partition's owner nothing was on its way any more. It holds for so long, milliseconds: whoever
 * took over without it waits longer before the first write, by more than the lease that it may think it has when it loses
 * the topic-partition again. The clocks of the workers' nodes may differ by half a second.
 */
export const MARK_VALID_MS = 3_500;

/** Of the clocks of two nodes, milliseconds. */
export const CLOCK_DIFFERENCE_MS = 500;

export interface LeftTopic {
  /** Of the topic-partition. */
  readonly topic: string;
  /** When it was certainly its owner's: epoch milliseconds. */
  readonly ownedAt: number;
}

/** Nothing here rejects. */
export interface Peers {
  /**
   * Leaves a mark for each topic-partition. Resolves when they are written, or cannot be within a second or two.
   * @returns false when none was written for certain
   */
  leave(left: readonly LeftTopic[]): Promise<boolean>;
  /** Takes the mark of a topic-partition, which one worker alone can. Resolves to false when there is none until `signal` aborts. */
  take(topic: string, signal: AbortSignal): Promise<boolean>;
  /** How much longer a new owner has to wait now, since the former one may go by older rules. Milliseconds. */
  readonly extraWaitMs: number;
}

/** For a worker that knows of no others. */
export const noPeers: Peers = {
  leave: async () => false,
  take: async () => false,
  extraWaitMs: 0,
};
