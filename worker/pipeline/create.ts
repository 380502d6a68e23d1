/**
 * The stations of a pipeline, in the order in which a message passes them:
 *
 *     source → intake → lanes (ordered) or admission (unordered) → shard queues → collector → sender → sink
 *
 * and back, with what became of it: sender → outcomes → lanes or attempts, where it waits for its next attempt, or
 * progress, which acknowledges it. The sender pulls from the collector, and the collector from the shards' queues;
 * everything else is pushed. Here each station is made and given its neighbours.
 */
import { AUTO_DISTRIBUTION } from "../sink/stream-watch.ts";
import type { Assignment, Delivery, Source } from "../source/source.ts";
import type { Budget } from "./budget.ts";
import { type Counters, createCounters, reported } from "./counters.ts";
import { createDeadLetters, type DeadLetters } from "./intake/dead-letter-retries.ts";
import { createDrain, type Drain, flushed } from "./intake/drain.ts";
import type { Intake } from "./intake/intake.ts";
import { createStartedSource, type StartedSource } from "./intake/started-source.ts";
import { StuckWatch } from "./intake/stuck-watch.ts";
import { type PipelineOptions, type Settings, settings } from "./options.ts";
import { OrderedAssignments } from "./ordered/assignments.ts";
import { carries } from "./ordered/handovers.ts";
import { OrderedIntake } from "./ordered/intake.ts";
import type { OrderedUserRecord } from "./ordered/lane.ts";
import { Lanes, type OrderedWaiting } from "./ordered/lanes.ts";
import { OrderedOutcomes, type OrderedRecord } from "./ordered/outcomes.ts";
import { OrderedProgress } from "./ordered/progress.ts";
import { createStops } from "./ordered/stops.ts";
import type { Pipeline, PipelineState } from "./pipeline.ts";
import { createSender, type Sender } from "./requests/sender.ts";
import { createCollector } from "./shards/collector.ts";
import { createShardQueues } from "./shards/shard-queues.ts";
import { Admission } from "./unordered/admission.ts";
import { Attempts, type UnorderedRecord } from "./unordered/attempts.ts";
import { UnorderedIntake } from "./unordered/intake.ts";
import { UnorderedOutcomes } from "./unordered/outcomes.ts";
import { createParking } from "./unordered/parking.ts";
import { UnorderedProgress } from "./unordered/progress.ts";
import { createRedelivery } from "./unordered/redelivery.ts";
import type { UnorderedUserRecord } from "./unordered/user-record.ts";
import { createWake, type Wake } from "./wake.ts";

/** Records of one shard in flight at most where it gets aggregates. Ordered, the next one must not overtake. */
const ORDERED_SLOTS = 1;
const UNORDERED_SLOTS = 4;

/** Ordered pipelines need a source with an Exclusive or Failover subscription, unordered ones a Shared subscription. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const given = settings(options);
  const counters = createCounters();
  const source = createStartedSource();
  const parts: CommonParts = {
    counters,
    source,
    budget: given.budget,
    deadLetters: createDeadLetters(given, counters, source.get),
    wake: createWake(),
  };
  const stations = given.ordered ? orderedStations(given, parts) : unorderedStations(given, parts);
  const stuckWatch = new StuckWatch(given, counters, {
    budget: given.budget,
    inFlight: () => stations.sender.inFlight,
    giveBack: (share) => stations.intake.giveBack(share),
  });
  return new StationPipeline(parts, stations, stuckWatch);
}

/** What the stations of a pipeline share. */
interface CommonParts {
  readonly counters: Counters;
  readonly source: StartedSource;
  readonly budget: Budget;
  readonly deadLetters: DeadLetters | null;
  readonly wake: Wake;
}

/** What a pipeline asks of its stations. */
interface Stations {
  readonly intake: Intake;
  readonly queues: { start(): void; slowest(): string | null };
  readonly collector: { readonly paused: boolean };
  readonly sender: Pick<Sender<never>, "inFlight" | "flushNow">;
  readonly drain: Drain;
  /** In the order in which they are closed. */
  readonly all: readonly { close(): void }[];
}

function orderedStations(
  given: Settings,
  { counters, source, budget, deadLetters, wake: { wake, onWake } }: CommonParts,
): Stations {
  // Intake: what is received, until it is acknowledged.
  const assignments = new OrderedAssignments(counters, budget);
  const stops = createStops();
  const drain = createDrain(() => assignments.isIdle);
  const flushNow = (): boolean => drain.active || budget.isHalfUsed;
  // A queue for each shard, and in the queues the lanes, one for each key.
  const queues = createShardQueues<OrderedWaiting>(given, wake);
  const lanes = new Lanes(given.clock, queues, wake);
  const progress = new OrderedProgress(given, counters, {
    ...{ source: source.get, budget, assignments, lanes, stops, deadLetters, drain, wake },
    isOnItsWay: (assignment) => {
      for (const record of sender.records()) if (carries(record, assignment)) return true;
      return false;
    },
  });
  // Requests: filled from the queues, sent, and their outcomes handed back.
  const collector = createCollector<OrderedUserRecord>(given, queues, lanes, { slots: ORDERED_SLOTS, flushNow });
  const outcomes = new OrderedOutcomes(given, counters, { queues, lanes, collector, progress });
  const sender = createSender<OrderedRecord>(given, counters, collector, outcomes);
  onWake(() => sender.wake());
  // The door, which is opened once everything behind it stands.
  const intake = new OrderedIntake(given, counters, {
    ...{ budget, assignments, lanes, progress, stops, sender, drain, wake },
  });
  return { intake, queues, collector, sender, drain, all: [intake, progress, sender, lanes, queues] };
}

function unorderedStations(
  given: Settings,
  { counters, source, budget, deadLetters, wake: { wake, onWake } }: CommonParts,
): Stations {
  // Intake: what is received, until it is acknowledged. What is parked is not waited for.
  const parking = createParking();
  const redelivery = createRedelivery(given.clock);
  const drain = createDrain(() => counters.pending <= parking.count);
  const flushNow = (): boolean => drain.active || budget.isHalfUsed;
  const progress = new UnorderedProgress(counters, { source: source.get, budget, parking, redelivery, drain, wake });
  // A queue for each shard, and in the queues the records, one for each message.
  const queues = createShardQueues<UnorderedRecord>(given, wake);
  const attempts = new Attempts(given.clock, queues, wake);
  const admission = new Admission(given, { budget, attempts, redelivery, parking, deadLetters, progress });
  // Requests: filled from the queues, sent, and their outcomes handed back.
  const collector = createCollector<UnorderedUserRecord>(given, queues, attempts, { slots: UNORDERED_SLOTS, flushNow });
  const outcomes = new UnorderedOutcomes(given, counters, {
    ...{ queues, collector, attempts, admission, progress, parking, redelivery },
  });
  const sender = createSender<UnorderedRecord>(given, counters, collector, outcomes);
  onWake(() => sender.wake());
  // The door, which is opened once everything behind it stands.
  const intake = new UnorderedIntake(given, counters, {
    ...{ source: source.get, budget, admission, progress, parking, redelivery, sender, drain },
  });
  return { intake, queues, collector, sender, drain, all: [intake, sender, attempts, queues, admission] };
}

class StationPipeline implements Pipeline {
  readonly #parts: CommonParts;
  readonly #stations: Stations;
  readonly #stuckWatch: StuckWatch;

  constructor(parts: CommonParts, stations: Stations, stuckWatch: StuckWatch) {
    this.#parts = parts;
    this.#stations = stations;
    this.#stuckWatch = stuckWatch;
  }

  start(source: Source): void {
    this.#parts.source.started(source);
    this.#stations.queues.start();
    source.start(this);
  }

  assigned(assignment: Assignment): void {
    this.#stations.intake.assigned(assignment);
  }

  deliver(delivery: Delivery): void {
    this.#stations.intake.deliver(delivery);
    this.#stuckWatch.wake();
  }

  revoked(assignment: Assignment): void {
    this.#stations.intake.revoked(assignment);
  }

  state(): PipelineState {
    const { counters, budget } = this.#parts;
    const { intake, queues, collector, sender } = this.#stations;
    return {
      ...reported(counters),
      ...(collector.paused ? { sinkFailure: AUTO_DISTRIBUTION } : {}),
      ...intake.report(),
      ...budget.report(),
      pendingBytes: budget.used,
      budgetBytes: budget.total,
      inFlightRequests: sender.inFlight,
      slowestShard: queues.slowest(),
    };
  }

  async drain(deadline: AbortSignal): Promise<void> {
    const { intake, sender, drain } = this.#stations;
    const source = this.#parts.source.get();
    source.stop();
    sender.flushNow();
    const emptied = drain.wait(deadline);
    intake.stop();
    drain.check();
    await emptied;
    await flushed(source, deadline);
  }

  leave(): Promise<void> {
    return this.#stations.intake.leave();
  }

  close(): void {
    this.#stuckWatch.close();
    for (const station of this.#stations.all) station.close();
    this.#parts.deadLetters?.close();
  }
}
