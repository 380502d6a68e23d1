/**
 * Room for records of one predicted shard: while one of them is in flight, the next one fills. The collector takes it
 * for what it hands to the sender, and frees it once the outcome is known.
 */
export class ShardSlot {
  /** Null: the shard is not known. */
  readonly shardId: string | null;
  #inFlight = 0;

  constructor(shardId: string | null) {
    this.shardId = shardId;
  }

  /** Records in flight that hold it. */
  get inFlight(): number {
    return this.#inFlight;
  }

  take(): void {
    this.#inFlight += 1;
  }

  free(): void {
    this.#inFlight -= 1;
  }
}
