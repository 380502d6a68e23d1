/** The topics of a soak, and the messages in them. */

export interface SoakTopic {
  readonly name: string;
  /** 0 for a topic without partitions. */
  partitions: number;
}

const TOPICS = 20;
const PARTITIONS = 4;
/** Keys of one topic-partition. */
export const KEYS = 50;
/** Without topics that are made by who asks for them: one that is deleted is gone until it is made anew. */
export const NAMESPACE = "public/soak";
export const DEAD_NAMESPACE = "public/dead";
export const DEAD_LETTERS = `persistent://${DEAD_NAMESPACE}/letters`;

/** Every other one has partitions. */
export function soakTopics(): SoakTopic[] {
  return Array.from({ length: TOPICS }, (_, index) => ({
    name: `persistent://${NAMESPACE}/soak-${index}`,
    partitions: index % 2 === 0 ? PARTITIONS : 0,
  }));
}

export function topicPartitions({ name, partitions }: SoakTopic): string[] {
  return partitions === 0 ? [name] : Array.from({ length: partitions }, (_, index) => `${name}-partition-${index}`);
}
