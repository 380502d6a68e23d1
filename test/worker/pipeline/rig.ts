/** A pipeline between a source and a sink that a test holds in its hands, in virtual time. */

import assert from "node:assert/strict";
import { PoisonError } from "../../../worker/format/format.ts";
import { createBudget } from "../../../worker/pipeline/budget.ts";
import { createPipeline } from "../../../worker/pipeline/create.ts";
import type { PipelineOptions } from "../../../worker/pipeline/options.ts";
import type {
  KinesisRecord,
  RecordOutcome,
  RequestOutcome,
  Shard,
  Sink,
  SinkFailure,
} from "../../../worker/sink/sink.ts";
import { createStreamWatch } from "../../../worker/sink/stream-watch.ts";
import type { Assignment, DeadLetter, Delivery, Source } from "../../../worker/source/source.ts";
import { createVirtualClock } from "../../clock.ts";
import { decodeAggregate } from "../../fakes/aggregate.ts";
import { silentLog } from "../../silent-log.ts";
import { assignment, delivery } from "./messages.ts";

const DESCRIPTION = {
  name: "stream",
  arn: "",
  status: "ACTIVE",
  openShards: 2,
  mode: "PROVISIONED",
  maxRecordBytes: 1_048_576,
} as const;

export interface Put {
  /** The records' data; those of an aggregate with spaces between them. */
  readonly texts: readonly string[];
  readonly records: readonly KinesisRecord[];
  readonly at: number;
  readonly signal: AbortSignal;
  /** What the sink asks before bytes of the request go to its socket. */
  readonly mayLeave: () => boolean;
  /** Accepts every record, or all but those given. */
  accept(failures?: Readonly<Record<string, SinkFailure>>): Promise<void>;
  fail(failure: SinkFailure): Promise<void>;
  answer(records: readonly RecordOutcome[]): Promise<void>;
}

export function failure(failureClass: SinkFailure["class"], ambiguous = false): SinkFailure {
  return { code: "ServiceFailure", class: failureClass, message: failureClass, ambiguous };
}

function textOf({ data }: KinesisRecord): string {
  const parts = decodeAggregate(Buffer.from(data));
  return parts === null ? Buffer.from(data).toString() : parts.map((part) => part.data.toString()).join(" ");
}

export type Rig = ReturnType<typeof createRig>;

export interface RigOptions extends Partial<PipelineOptions> {
  readonly shards?: readonly Shard[];
  /** Shards are listed once it resolves. */
  readonly listing?: Promise<void>;
  readonly budgetBytes?: number;
}

export function createRig(overrides: RigOptions = {}) {
  const { shards, listing = Promise.resolve(), budgetBytes = 10_000, ...options } = overrides;
  const clock = createVirtualClock();
  const puts: Put[] = [];
  const acknowledged: string[] = [];
  const rewinds: { readonly topic: string; readonly delayMs: number }[] = [];
  const letters: DeadLetter[] = [];
  const undecodable = new Set<string>();
  let sequence = 1_000;
  let stopped = false;
  let lists = 0;
  const settle = (): Promise<void> => clock.advance(0);

  const put: Sink["put"] = (records, signal, mayLeave = assert.fail) => {
    const texts = records.map(textOf);
    const { promise, resolve } = Promise.withResolvers<RequestOutcome>();
    const answer = (outcomes: readonly RecordOutcome[]): Promise<void> => {
      resolve({ kind: "answered", records: outcomes });
      return settle();
    };
    let begun = false;
    const leave = (): boolean => {
      const may = mayLeave();
      begun ||= may;
      return may;
    };
    signal.addEventListener("abort", () => resolve({ kind: "failed", failure: failure("transient", begun) }));
    if (!rig.socketsAreBusy) leave();
    puts.push({
      texts,
      records,
      at: clock.now(),
      signal,
      mayLeave: leave,
      answer,
      accept: (failures = {}) =>
        answer(
          texts.map((text) => {
            const failed = failures[text];
            sequence += 1;
            if (failed !== undefined) return { accepted: false, failure: failed };
            return { accepted: true, shardId: "shard-0", sequenceNumber: String(sequence) };
          }),
        ),
      fail: (reason) => {
        resolve({ kind: "failed", failure: reason });
        return settle();
      },
    });
    return promise;
  };
  const sink: Sink = {
    put,
    describe: () =>
      Promise.resolve({
        ...DESCRIPTION,
        recordDistribution: rig.auto ? ("AUTO" as const) : ("PARTITION_KEY" as const),
      }),
    listShards: async () => {
      lists += 1;
      if (shards === undefined) throw new Error("no shards");
      await rig.listing;
      return [...shards];
    },
    close: () => {},
  };
  const streamWatch = createStreamWatch({ sink, refuseAuto: options.ordered ?? true, clock, log: silentLog });
  const budget = createBudget(budgetBytes);
  const pipeline = createPipeline({
    ordered: true,
    format: {
      prepare: () => undefined,
      encode: (message) => {
        if (undecodable.has(message.id)) throw new PoisonError("Undecodable", `cannot decode ${message.id}`);
        return null;
      },
    },
    partitionKey: (message, topic) => message.key ?? topic,
    sink,
    streamWatch,
    limits: { maxRecords: 500, maxBytes: 5_242_880, maxRecordBytes: 1_048_576 },
    retry: { initialDelayMs: 100, maxDelayMs: 60_000 },
    handoverWaitMs: 6_000,
    aggregation: false,
    lingerMs: 0,
    rateLimit: 150,
    recordTtlMs: 30_000,
    maxConcurrentRequests: 4,
    budget,
    deadLetterTopic: null,
    clock,
    log: silentLog,
    random: () => 0.5,
    nextTurn: (callback) => void clock.timer(0, callback),
    ...options,
  });
  const whole = new WeakMap<Delivery, Delivery>();
  const textsOf = (of: Delivery): string => (whole.get(of) ?? of).messages.map(({ id }) => id).join(" ");
  const rig = {
    clock,
    pipeline,
    streamWatch,
    budget,
    puts,
    /** Open puts' texts, the latest last. */
    sent: (): readonly (readonly string[])[] => puts.map(({ texts }) => texts),
    last: (): Put => puts.at(-1) as Put,
    acknowledged,
    rewinds,
    letters,
    undecodable,
    /** Dead letters are refused while set. */
    publishFails: false,
    isStopped: () => stopped,
    /** Nothing of a request leaves by itself. */
    socketsAreBusy: false,
    /** Assigns a topic-partition whose broker always answers at once. */
    assign: (topic = "orders", overrides: Partial<Assignment> = {}): Assignment & { active: boolean } => {
      const given = assignment(topic, overrides);
      let endedAt: number | null = null;
      Object.defineProperty(given, "answeredAt", { get: () => endedAt ?? rig.answeredAt ?? clock.now() });
      Object.defineProperty(given, "active", {
        get: () => endedAt === null,
        set: () => {
          endedAt = given.answeredAt;
        },
      });
      pipeline.assigned(given);
      return given;
    },
    /** When the broker answered last, if not now. */
    answeredAt: null as number | null,
    /** Shards are listed once it resolves. */
    listing,
    lists: (): number => lists,
    /** Acknowledgements are confirmed once it resolves. */
    confirming: Promise.resolve() as Promise<void>,
    /** The stream's RecordDistributionStrategy is AUTO. */
    auto: false,
    deliver: (of: Assignment, ...texts: string[]): Promise<void> => rig.deliverSized(of, 100, texts),
    /** @param retainedBytes of the delivery */
    deliverSized: (of: Assignment, retainedBytes: number, texts: readonly string[]): Promise<void> =>
      rig.deliverAs(of, { retainedBytes }, texts),
    deliverAs: async (of: Assignment, overrides: Partial<Delivery>, texts: readonly string[]): Promise<void> => {
      const given = delivery(of, texts, overrides);
      budget.shareOf(of).take(given.retainedBytes);
      pipeline.deliver(given);
      await settle();
    },
    revoke: async (of: Assignment & { active: boolean }): Promise<void> => {
      of.active = false;
      pipeline.revoked(of);
      await settle();
    },
  };
  const source: Source = {
    client: "Wire",
    schemas: { schema: async () => null },
    start: () => {},
    state: () => ({ connected: true, failure: null }) as ReturnType<Source["state"]>,
    acknowledge: (deliveries) => void acknowledged.push(...deliveries.map(textsOf)),
    acknowledgeThrough: (given) => void acknowledged.push(textsOf(given)),
    shrink: (of, messages) => {
      const shrunk = { ...of, messages };
      whole.set(shrunk, of);
      return shrunk;
    },
    rewind: (of, delayMs) => {
      rewinds.push({ topic: of.topic, delayMs });
      (of as { active: boolean }).active = false;
      pipeline.revoked(of);
    },
    stop: () => {
      stopped = true;
    },
    flush: () => rig.confirming,
    publish: async (_topic, letter) => {
      if (rig.publishFails) throw new Error("no receipt");
      letters.push(letter);
    },
    close: async () => {},
  };
  pipeline.start(source);
  return rig;
}
