import type { OperatorReason } from "../../crds/reasons.ts";
import type { Child } from "../desired/children.ts";
import { readObject } from "../kube/apply.ts";
import { fighterOf } from "../kube/fighter.ts";
import type { KubeObject } from "../kube/objects.ts";
import { type Context, type Repair, target } from "./context.ts";
import { subjectOf } from "./transitions.ts";

/** What of a reconcile the repairing needs. */
export type RepairContext = Pick<Context, "client" | "clock" | "events" | "logger" | "memory" | "signal" | "sink">;

/** The first repair is at once, the second after this, and each further one after twice the time. Milliseconds. */
const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;
/** Who has changed nothing for this long, or for twice the last wait, is not fighting any more. */
const CALM_MS = 10 * 60_000;

/** How long the next repair of this kind of child is to wait; 0 when it may be done now. */
export function repairWaitMs(repair: Repair | undefined, now: number): number {
  return repair && !isOver(repair, now) ? Math.max(0, repair.at + delayMs(repair.times) - now) : 0;
}

/** The repairs of this kind with one more. */
export function repaired(repair: Repair | undefined, now: number): Repair {
  return { times: repair && !isOver(repair, now) ? repair.times + 1 : 1, at: now, waits: false };
}

/** Whether somebody has changed it back after a repair, and so is worth to be named. */
export function isFight(repair: Repair | undefined, now: number): boolean {
  return repair !== undefined && !isOver(repair, now);
}

function delayMs(times: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (times - 1));
}

function isOver({ times, at }: Repair, now: number): boolean {
  return now - at > Math.max(CALM_MS, 2 * delayMs(times));
}

/** After how long the earliest repair that waits is due; undefined when none does. What is due now had its turn. */
export function repairAgainMs({ clock, memory }: Pick<RepairContext, "clock" | "memory">): number | undefined {
  const waits = [...memory.repairs.values()].flatMap((repair) => {
    const wait = repair.waits ? repairWaitMs(repair, clock.now()) : 0;
    return wait > 0 ? wait : [];
  });
  return waits.length === 0 ? undefined : Math.min(...waits);
}

/** Who changes the child again and again, in words; read before the repair takes the fields away. */
export async function fighter(context: RepairContext, child: Child, name: string): Promise<string> {
  const object = await readObject<KubeObject>(context.client, target(context, child, name), context.signal);
  return object ? fighterOf(object.metadata.managedFields ?? []) : "somebody, who deleted it";
}

/** An Event that says so, as nothing else would: the sink goes on meanwhile. */
export async function tellFight(context: RepairContext, { type }: Child, name: string, by: string): Promise<void> {
  const note = `${type.kind} ${name} was changed again by ${by}, and is put back: ever more rarely while that goes on`;
  context.logger.warn("an object of the sink is changed again and again", { kind: type.kind, name, by });
  const event = { type: "Warning", reason: "DriftRepaired" satisfies OperatorReason, action: "Repair", note } as const;
  await context.events.record(subjectOf(context.sink), event, context.signal);
}
