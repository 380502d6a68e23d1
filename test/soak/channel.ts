/** What the process of the load is asked, and answers. */
import type { PipelineResult } from "./rules.ts";

export type Question =
  | { readonly kind: "start"; readonly serviceUrl: string; readonly rate: number }
  | { readonly kind: "counts"; readonly faulty: boolean }
  /** Connections to the endpoint are refused. */
  | { readonly kind: "down" }
  | { readonly kind: "up" }
  /** A part of a FaultPlan; {} for none. */
  | { readonly kind: "faults"; readonly plan: object }
  | { readonly kind: "reshard"; readonly seed: number }
  | { readonly kind: "delete stream"; readonly mode: string }
  | { readonly kind: "create stream"; readonly mode: string; readonly shards: number }
  /** Publishes nothing to a topic until it is resumed; answered when all that was begun is stored. */
  | { readonly kind: "pause"; readonly topic: string }
  /** Goes on, with so many partitions. */
  | { readonly kind: "resume"; readonly topic: string; readonly partitions: number }
  /** Publishes what no worker can deliver. */
  | { readonly kind: "hostile"; readonly topic: string; readonly which: number }
  /** Stops producing; answered when all that was begun is stored. */
  | { readonly kind: "stop" }
  | { readonly kind: "result" };

export interface Counts {
  readonly produced: number;
  /** Of each pipeline. */
  readonly read: readonly number[];
  /** Sequences' last numbers that no consumer read yet, of each pipeline. */
  readonly behind: readonly number[];
  /** Of the topic, where one is paused: messages that were not read yet. */
  readonly pausedBehind: number;
}

export interface Started {
  readonly endpoint: string;
}

export type Answer = Counts | Started | { readonly pipelines: readonly PipelineResult[] } | { readonly done: true };

export interface Asked {
  readonly id: number;
  readonly question: Question;
}

export interface Answered {
  readonly id: number;
  readonly answer?: Answer;
  readonly error?: string;
}
