import { type Decision, decide } from "../../../operator/scaling/decide.ts";
import type { ScalingPolicy } from "../../../operator/scaling/policy.ts";
import { readState, type ScalingState, writeState } from "../../../operator/scaling/state.ts";
import { MINUTE, SECOND, seen, stateOf } from "./fixture.ts";

export interface SimulatedSink {
  readonly policy: ScalingPolicy;
  readonly start: number;
  /** Messages per second that one worker can deliver. */
  readonly capacity: number;
  /** Messages per second that come at a time, seconds. */
  readonly load: (second: number) => number;
  /** Seconds from the wish for a worker to its being ready. */
  readonly startSeconds: number;
  /** Messages per second that the stream takes altogether. */
  readonly streamLimit?: number;
  /** Between -1 and 1; how far a report is off at a time. */
  readonly noise: (second: number) => number;
  readonly noisePercent: number;
  readonly hours: number;
}

export interface Change {
  readonly second: number;
  readonly from: number;
  readonly to: number;
}

export interface Outcome {
  readonly changes: readonly Change[];
  readonly replicas: number;
  readonly lagSeconds: number;
  readonly reasons: ReadonlySet<string>;
  /** Each number of workers that there was. */
  readonly numbers: ReadonlySet<number>;
}

const EVERY_SECONDS = 15;
/** Workers ask for the backlog so often, so what they report of it may be as old. */
const BACKLOG_SECONDS = 30;

/**
 * A sink in steps of a second, and the decisions about it. What is remembered goes through the status each time, so that every
 * decision is one of a new leader.
 */
export function simulate(sink: SimulatedSink): Outcome {
  let state: ScalingState = stateOf(sink.start);
  const changes: Change[] = [];
  const reasons = new Set<string>();
  const numbers = new Set([sink.start]);
  const world = new World(sink);
  for (let second = 0; second < sink.hours * 3600; second += 1) {
    world.step(second, state.replicas);
    if (second % EVERY_SECONDS !== 0) continue;
    const { state: next, reason } = decideAt(sink, world, state, second);
    if (next.replicas !== state.replicas) changes.push({ second, from: state.replicas, to: next.replicas });
    state = readState(writeState(next), 0);
    reasons.add(reason);
    numbers.add(state.replicas);
  }
  return { changes, replicas: state.replicas, lagSeconds: world.lag, reasons, numbers };
}

function decideAt(sink: SimulatedSink, world: World, state: ScalingState, second: number): Decision {
  const off = 1 + (sink.noise(second) * sink.noisePercent) / 100;
  return decide(
    state,
    seen(world.ready, {
      now: second * SECOND + 1000 * MINUTE,
      lagSeconds: Math.round(world.reportedLag * off),
      backlog: Math.round(world.reportedBacklog * off),
      rate: Math.round(world.rate * off),
      budgetPercent: world.busy ? 95 : 10,
      obstacle: world.limited ? { reason: "ShardsLimit", message: "shardId-000 takes no more" } : undefined,
    }),
    sink.policy,
  );
}

/** Messages come, wait and are delivered, the oldest first. */
class World {
  ready: number;
  lag = 0;
  reportedLag = 0;
  reportedBacklog = 0;
  limited = false;
  busy = false;
  readonly #sink: SimulatedSink;
  /** Arrived by the end of each second. */
  readonly #arrived: number[] = [];
  readonly #delivered: number[] = [];
  /** Seconds at which workers on their way are ready. */
  #starting: number[] = [];
  #oldest = 0;

  constructor(sink: SimulatedSink) {
    this.#sink = sink;
    this.ready = sink.start;
  }

  /** Mean of the last minute. */
  get rate(): number {
    const last = this.#delivered.length - 1;
    return ((this.#delivered[last] ?? 0) - (this.#delivered[Math.max(0, last - 60)] ?? 0)) / Math.min(60, last || 1);
  }

  step(second: number, wanted: number): void {
    const { capacity, load, startSeconds, streamLimit = Number.POSITIVE_INFINITY } = this.#sink;
    this.#starting = this.#starting.filter((at) => {
      if (at <= second) this.ready += 1;
      return at > second;
    });
    while (this.ready + this.#starting.length < wanted) this.#starting.push(second + startSeconds);
    while (this.ready + this.#starting.length > wanted && this.#starting.length > 0) this.#starting.pop();
    this.ready = Math.min(this.ready, wanted);
    const arrived = (this.#arrived.at(-1) ?? 0) + load(second);
    const before = this.#delivered.at(-1) ?? 0;
    const could = Math.min(this.ready * capacity, streamLimit);
    const delivered = Math.min(arrived, before + could);
    this.limited = arrived > delivered && this.ready * capacity >= streamLimit;
    this.busy = arrived > delivered;
    this.#arrived.push(arrived);
    this.#delivered.push(delivered);
    while ((this.#arrived[this.#oldest] ?? Number.POSITIVE_INFINITY) <= delivered) this.#oldest += 1;
    this.lag = Math.max(0, second - this.#oldest + 1);
    if (second % BACKLOG_SECONDS !== 0) return;
    this.reportedLag = this.lag;
    this.reportedBacklog = arrived - delivered;
  }
}
