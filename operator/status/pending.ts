import type { KinesisSinkStatus } from "../../crds/kinesissink.generated.ts";
import { ROLL_NOW_ANNOTATION } from "../desired/names.ts";
import type { Observed, PendingReason } from "./observed.ts";

/** Words without numbers: they would change with each sink that rolls, and each change is a write for every one that waits. */
const WHY: Readonly<Record<PendingReason, string>> = {
  RolloutWaiting: "the workers roll when it is this sink's turn",
  RolloutPaused: "no sink rolls while the chart's rollout.pause is true",
  RolloutStopped: "no further sink rolls before those that did are Ready: their Events name them (RolloutFailed)",
};

/** Present while a change that came with the operator waits; the sink runs on as it was. */
export function pendingChange({ pending, sink }: Observed, now: string): Pick<KinesisSinkStatus, "pendingChange"> {
  if (!pending) return {};
  const { reason, since = now } = pending;
  const remedy = `to roll now: kubectl annotate kinesissink ${sink.metadata.name} ${ROLL_NOW_ANNOTATION}=true`;
  const message = `this operator makes other workers than run now, and ${WHY[reason]}; ${remedy}`;
  return { pendingChange: { since, reason, message } };
}
