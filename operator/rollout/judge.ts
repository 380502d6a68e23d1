import type { SpecMark } from "../desired/spec-mark.ts";
import { TURNS, type Turn } from "./turns.ts";

/** How far the pods of a Deployment are with its template: on their way, all there, or not within the time for progress. */
export type Progress = "moving" | "done" | "stuck";

/** The Deployment of a sink, as it is. */
export interface LiveTemplate {
  readonly hash: string | undefined;
  readonly replicas: number;
  /** Unknown of one that an operator made which did not mark it. */
  readonly madeFrom: SpecMark | undefined;
  /** The turn in which the operator changed it last; undefined where the sink's own spec did. */
  readonly turn: Turn | undefined;
  readonly progress: Progress;
}

export interface Candidate {
  /** Hash of the template that is to be. */
  readonly hash: string;
  readonly madeFrom: SpecMark;
  readonly replicas: number;
  readonly live: LiveTemplate | undefined;
  /** `status.observedGeneration`. */
  readonly observedGeneration: number;
  readonly ready: boolean;
  readonly canary: boolean;
  /** Somebody wants it now. */
  readonly forced: boolean;
}

/** What a sink is to the rollout. */
export type Place =
  /** It does not run. */
  | { readonly state: "apart" }
  /** It runs what it is to run, or is on its way there because its spec says so. */
  | { readonly state: "settled" }
  | { readonly state: "rolling"; readonly turn: Turn }
  | { readonly state: "failed" }
  | { readonly state: "pending"; readonly turn: Turn };

export interface Verdict {
  readonly place: Place;
  /** The Deployment is to be as desired. Else its template stays, unless the sink has its turn. */
  readonly free: boolean;
}

/**
 * Whether a sink's Deployment may become what is desired. What somebody changed in the sink does at once, and takes along what
 * waits; so does what runs nowhere. What differs although the sink is the same came with the operator, and waits for its turn.
 */
export function judge(candidate: Candidate): Verdict {
  const { hash, live, replicas, forced } = candidate;
  if (!live || replicas === 0 || live.replicas === 0) return { place: { state: "apart" }, free: true };
  if (live.hash === hash) return { place: placeOf(live), free: true };
  if (forced || isUsers(candidate, live)) return { place: { state: "settled" }, free: true };
  // What an earlier version of the operator began may not be over.
  if (live.turn && live.progress === "moving") return { place: placeOf(live), free: false };
  return { place: { state: "pending", turn: turnOf(candidate) }, free: false };
}

/** Whether the spec was changed, in what makes pods, since the live template was made. */
function isUsers({ madeFrom, observedGeneration }: Candidate, live: LiveTemplate): boolean {
  // The operator that made it acted on this generation, or somebody changed the sink since.
  if (!live.madeFrom) return observedGeneration < madeFrom.generation;
  return live.madeFrom.generation !== madeFrom.generation && live.madeFrom.hash !== madeFrom.hash;
}

function placeOf({ turn, progress }: LiveTemplate): Place {
  if (!turn || progress === "done") return { state: "settled" };
  if (progress === "moving") return { state: "rolling", turn };
  // It was not Ready before either: that says nothing of the change.
  return turn === "last" ? { state: "settled" } : { state: "failed" };
}

function turnOf({ ready, canary }: Candidate): Turn {
  if (!ready) return "last";
  return canary ? "canary" : "regular";
}

export function parseTurn(text: string | undefined): Turn | undefined {
  return TURNS.find((turn) => turn === text);
}
