/**
 * What the guarantee rests on, each taken out in one place. A test that is still passed then proves nothing of it. The text
 * that is replaced stands in its module exactly once; where a module changed so that it does not, the check fails.
 */

export interface Mutation {
  /** What is taken out. */
  readonly name: string;
  readonly module: string;
  readonly changes: readonly (readonly [from: string, to: string])[];
  /** The file of the test that must fail, and its name. */
  readonly test: readonly [file: string, name: string];
}

const GUARANTEE = "test/worker/pipeline/guarantee.property.test.ts";
const ORDERED = [GUARANTEE, "ordered: holds under every interleaving"] as const;
const OWNERS = [GUARANTEE, "ordered: holds when several owners follow one another"] as const;
const UNORDERED = [GUARANTEE, "unordered: nothing is lost"] as const;

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "lease: a worker that its broker does not answer goes on writing",
    module: "worker/pipeline/ordered/fencing.ts",
    changes: [["return answeredAt + LEASE_MS;", "return answeredAt + 1e9;"]],
    test: OWNERS,
  },
  {
    name: "lease: requests stay open beyond its end",
    module: "worker/pipeline/requests/lease-watch.ts",
    changes: [["        request.controller.abort();\n", ""]],
    test: OWNERS,
  },
  {
    name: "wait: a new owner writes at once",
    module: "worker/pipeline/ordered/fencing.ts",
    changes: [
      ["export const HANDOVER_WAIT_MS = LEASE_MS + IN_TRANSIT_MS + SKEW_MS;", "export const HANDOVER_WAIT_MS = 100;"],
    ],
    test: OWNERS,
  },
  {
    name: "marks: two owners take the same one",
    module: "worker/peers/marks.ts",
    changes: [["if (isInvalid(error)) return false;", "if (isInvalid(error)) return true;"]],
    test: OWNERS,
  },
  {
    name: "ambiguity: a record that may still be executed does not rest",
    module: "worker/pipeline/retry.ts",
    changes: [["if (failure.ambiguous) return Math.max(backOff, ambiguousMs);", ""]],
    test: ORDERED,
  },
  {
    name: "reset: a request that is given up is closed, not reset",
    module: "worker/sink/resetting-agents.ts",
    changes: [["tcp.resetAndDestroy();", "tcp.destroy();"]],
    test: ["test/worker/sink/given-up.test.ts", "a request that was given up during a cut is never executed"],
  },
  {
    name: "one record in flight: a message joins a lane whose head is on its way",
    module: "worker/pipeline/ordered/lanes.ts",
    changes: [['    if (lane.turn === "taken") return;\n', ""]],
    test: ORDERED,
  },
  {
    name: "sequence numbers: what was executed too early counts as in order",
    module: "worker/pipeline/ordered/lane.ts",
    changes: [["!isAfter(sequenceNumber, this.#sequenceNumber))", "false)"]],
    test: ["test/worker/pipeline/ordered.test.ts", "sends a record again whose sequence number is not above"],
  },
  {
    name: "prefix: what is not done is acknowledged with what is",
    module: "worker/pipeline/intake/checkpoint.ts",
    changes: [["open !== undefined && open.remaining === 0;", "open !== undefined;"]],
    test: ORDERED,
  },
  {
    name: "generation: a shard is its id, whatever stream it is of",
    module: "worker/sink/shard-map.ts",
    changes: [['if (shard === undefined || shard.sequenceNumbersEnd === "") return true;', "if (1) return true;"]],
    test: ["test/worker/pipeline/shards/stream-made-anew.test.ts", "is known by its sequence numbers"],
  },
  {
    name: "range: an aggregate counts wherever it landed",
    module: "worker/pipeline/shards/collector.ts",
    changes: [
      [
        "return userRecords.every(({ partitionKey }) => this.#queues.contains(shardId, partitionKey));",
        "return userRecords.length > 0;",
      ],
    ],
    test: UNORDERED,
  },
  {
    name: "entries: a message that is done acknowledges its whole entry",
    module: "worker/pipeline/unordered/tracked-delivery.ts",
    changes: [["remaining: delivery.messages.length,", "remaining: Math.min(1, delivery.messages.length),"]],
    test: UNORDERED,
  },
  {
    name: "permits: an entry that lies about its number counts as one",
    module: "worker/source/protocol/entry-decoder.ts",
    changes: [["return entry.publishTime === 0 ? 1 : entry.batchSize;", "return 1;"]],
    test: ["test/worker/source/protocol/entry-decoder.test.ts", "a corrupt batch counts as the broker counted it"],
  },
  {
    name: "share: a consumer is granted more than its part",
    module: "worker/source/wire/permit-target.ts",
    changes: [["Math.min(part - held, Math.max(equal, busy))", "Math.max(equal, busy)"]],
    test: ["test/worker/source/wire/permits.test.ts", "and none more than its part"],
  },
  {
    name: "share: what does not move may hold everything",
    module: "worker/pipeline/shares.ts",
    changes: [["const MOST_STUCK = 0.5;", "const MOST_STUCK = 2;"]],
    test: ["test/worker/pipeline/shares.test.ts", "gives back the longest first, no more than it must"],
  },
  {
    name: "not now: a chunked message for which there is no memory now is poison",
    module: "worker/source/wire/chunk-collector.ts",
    changes: [
      ["if (waiting.reserved === 0 || waiting.reserved + bytes <= maxBytes) return true;", "if (1) return true;"],
      [
        "defectOf(entry, message, maxBytes, this.#messages.size)",
        "this.#options.waiting.reserved > maxBytes ? 'full' : null",
      ],
    ],
    test: ["test/worker/source/wire/activation.test.ts", "more chunked messages at once than memory holds"],
  },
  {
    name: "chunks: an acknowledgement covers a message that is incomplete",
    module: "worker/source/wire/entry-id.ts",
    changes: [["if (compareEntries(before, through) < 0) through = before;", ""]],
    test: [
      "test/worker/source/wire/activation.test.ts",
      "a cumulative acknowledgement never covers the chunks of a message that is not done",
    ],
  },
];
