import type { Condition, KinesisSink, KinesisSinkStatus } from "../../crds/kinesissink.generated.ts";
import { definitionTooOld } from "../../crds/old-definition.ts";
import { DEFAULT_CLASS } from "../../crds/operator-class.ts";
import type { OperatorReason } from "../../crds/reasons.ts";
import { runningReplicas } from "../../crds/replicas.ts";
import { beatMs } from "../../crds/report-beat.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { jsonHash } from "../../runtime/json-hash.ts";
import { isNotFound } from "../../runtime/kube/errors.ts";
import { isOlder } from "../kube/resource-version.ts";
import { PROGRAM } from "../program.ts";
import type { OperatorStatus } from "../status/status.ts";
import type { Context, WrittenStatus } from "./context.ts";
import { ACTION, subjectOf } from "./transitions.ts";

/**
 * Milliseconds between two writes of messages alone. Those of webhooks and networks hold times and port numbers, and each
 * write brings the sink back to be reconciled.
 */
const WORDS_MS = 5_000;

/** A status, and who has written it. */
type SignedStatus = OperatorStatus & Pick<KinesisSinkStatus, "operator">;

/** What of a reconcile the writing needs. */
export type StatusContext = Pick<
  Context,
  "client" | "clock" | "events" | "logger" | "memory" | "metrics" | "operator" | "signal" | "sink" | "statuses"
>;

/** Writes the status when it changed; words and totals alone wait. Returns after how long to come back for them. */
export async function writeStatus(context: StatusContext, computed: OperatorStatus): Promise<number | undefined> {
  const { clock, memory, operator, sink } = context;
  const status = { ...computed, operator };
  const known = knownStatus(context);
  if (same(facts(known), facts(status))) {
    const sameWords = same(words(known), words(status));
    if (sameWords && same(known?.totals, status.totals)) return undefined;
    const wait = memory.statusWrittenAt + (sameWords ? beatMs(runningReplicas(sink)) : WORDS_MS) - clock.now();
    if (wait > 0) return wait;
  }
  memory.written = await apply(context, status);
  memory.statusWrittenAt = clock.now();
  return undefined;
}

/**
 * The status as it is: what was written last, until the watch has brought it and as long as it is still there; else what the
 * watch shows, for a former leader may have written late, and anybody may have edited it.
 */
export function knownStatus({ memory: { written }, sink }: Pick<StatusContext, "memory" | "sink">) {
  if (!written) return sink.status;
  const before = isOlder(sink.metadata.resourceVersion, written.resourceVersion);
  return before || written.answer === statusHash(sink.status) ? written.status : sink.status;
}

async function apply(context: StatusContext, status: SignedStatus): Promise<WrittenStatus | undefined> {
  const { client, metrics, signal, sink, statuses } = context;
  const { name, namespace, uid } = sink.metadata;
  const target = { type: KINESIS_SINKS, namespace, name };
  const object = { metadata: { name, namespace, uid }, status };
  try {
    const options = { fieldManager: PROGRAM, force: true, signal };
    const { object: answer, leftOut } = await statuses.apply<KinesisSink>(client, target, object, options);
    metrics.writes.inc({ kind: KINESIS_SINKS.kind, operation: "status" });
    if (leftOut.length > 0) await tellTooOld(context, leftOut);
    return { status, resourceVersion: answer.metadata.resourceVersion, answer: statusHash(answer.status) };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return undefined;
  }
}

async function tellTooOld({ events, logger, sink, signal }: StatusContext, leftOut: readonly string[]): Promise<void> {
  const note = definitionTooOld(leftOut);
  logger.warn(note);
  await events.record(
    subjectOf(sink),
    { type: "Warning", reason: "DefinitionTooOld" satisfies OperatorReason, action: ACTION, note },
    signal,
  );
}

function statusHash(status: Partial<SignedStatus> | undefined): string {
  return jsonHash([facts(status), words(status), status?.totals]);
}

/** All but totals and messages. Of the operator its class: another pod or version alone would write to every sink. */
function facts(status: Partial<SignedStatus> | undefined) {
  if (!status) return undefined;
  const { observedGeneration, replicas, readyReplicas, selector } = status;
  const { subscribed, ignoredProperties, pendingChange, autoscaling } = status;
  const { message: _message, ...scaling } = autoscaling ?? {};
  const conditions = byType(status).map(({ message: _message, ...condition }) => condition);
  // The server's JSON leaves out what is empty.
  return {
    observedGeneration,
    replicas,
    readyReplicas,
    selector,
    subscribed,
    ignoredProperties: ignoredProperties ?? [],
    class: status.operator?.class || DEFAULT_CLASS,
    pendingChange,
    scaling,
    conditions,
  };
}

function words(status: Partial<OperatorStatus> | undefined): string[] {
  return [...byType(status).map(({ message }) => message), status?.autoscaling?.message ?? ""];
}

/** The server may reorder a list that is a map. */
function byType(status: Partial<OperatorStatus> | undefined): Condition[] {
  return [...(status?.conditions ?? [])].sort((a, b) => (a.type < b.type ? -1 : 1));
}

function same(a: unknown, b: unknown): boolean {
  return jsonHash(a ?? null) === jsonHash(b ?? null);
}
