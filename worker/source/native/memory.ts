import type { SourceFailure } from "../source.ts";

const MiB = 1024 * 1024;
/** What a worker takes beside the messages that the library has unpacked: see docs/tuning.md. */
const BASE_BYTES = 128 * MiB;
/**
 * The most that a broker sends the one active consumer of a topic-partition at once, whatever it asks for, is 100 entries
 * (dispatcherMaxReadBatchSize). The library unpacks them at once, at some 1 kB a message, and producers batch up to 1,000.
 */
const PARTITION_BYTES = 100 * MiB;

/**
 * Why an ordered worker must not subscribe to so many topic-partitions; null when it may. All of the sink's count, however
 * many workers share them: the last one that is left, in a rollout or after a node is lost, is active for every one.
 * @param limitBytes of the container's memory; null when nothing limits it
 */
export function memoryShortage(limitBytes: number | null, partitions: number): SourceFailure | null {
  const needed = BASE_BYTES + partitions * PARTITION_BYTES;
  if (limitBytes === null || partitions === 0 || limitBytes >= needed) return null;
  return {
    code: "MemoryLimitTooLow",
    message: `the memory limit of ${Math.floor(limitBytes / MiB)} MiB cannot hold what pulsar-client keeps of ${partitions} topic-partitions in order, for all of which one worker may be active: raise spec.pod.resources.limits.memory to at least ${needed / MiB}Mi, or set spec.pulsar.client to Wire`,
  };
}
