import { type ConditionState, conditionState, ownState } from "./condition-state.ts";
import type { Facts } from "./facts.ts";
import { staleCause } from "./stale.ts";

interface Side {
  readonly usable: boolean;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

/** Whether a worker, any one, is subscribed to the topics. */
export function sourceConnected(facts: Facts): ConditionState {
  const sides = facts.reports.flatMap(({ source }) =>
    source ? [{ usable: source.connected, reason: source.reason, message: source.message }] : [],
  );
  return sideState(facts, sides, { yes: "Connected", no: "NotConnected", what: "connected to Pulsar" });
}

/** Whether a worker, any one, can put records into the stream. */
export function streamWritable(facts: Facts): ConditionState {
  const sides = facts.reports.flatMap(({ stream }) =>
    stream ? [{ usable: stream.writable, reason: stream.reason, message: stream.message }] : [],
  );
  return sideState(facts, sides, { yes: "Writable", no: "NotWritable", what: "able to write to the stream" });
}

export function throttled(facts: Facts): ConditionState {
  if (facts.reports.length === 0) return unreported(facts);
  const hit = facts.reports.flatMap(({ pod, throttled }) => (throttled ? [{ pod, ...throttled }] : []));
  hit.sort((a, b) => (b.percent ?? 0) - (a.percent ?? 0));
  const worst = hit[0];
  if (!worst) return ownState("False", "NotThrottled", "Kinesis accepts records at the rate they come");
  const percent = worst.percent === undefined ? "" : `, ${worst.percent} % of its records`;
  return ownState(
    "True",
    "ShardThrottled",
    `${hit.length} of ${facts.reports.length} workers are throttled, most on ${worst.shard}${percent}: add shards to the stream, or spread the keys`,
  );
}

function sideState(
  facts: Facts,
  all: readonly Side[],
  words: { yes: string; no: string; what: string },
): ConditionState {
  // A worker that has just started has not tried yet.
  const sides = all.filter((side) => side.usable || side.reason !== undefined);
  if (sides.length === 0) return unreported(facts);
  const usable = sides.filter((side) => side.usable).length;
  const count = `${usable} of ${sides.length} workers are ${words.what}`;
  const failed = sides.find((side) => !side.usable);
  const why = failed?.message ? `; ${failed.message}` : "";
  if (usable > 0) return conditionState("True", words.yes, `${count}${why}`);
  return conditionState("False", failed?.reason ?? words.no, failed?.message ?? count);
}

function unreported({ desired, observed, reports }: Facts): ConditionState {
  if (desired === 0) return ownState("Unknown", "NoWorkers", "no worker runs");
  const [stale] = reports.length === 0 ? observed.stale : [];
  if (stale) return ownState("Unknown", "ReportStale", staleCause(stale, undefined).message);
  if (reports.length === 0) return ownState("Unknown", "NoReport", "no worker has reported yet");
  return ownState("Unknown", "NotTried", "no worker has come far enough to try it");
}
