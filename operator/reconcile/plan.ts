import { type Child, children } from "../desired/children.ts";
import { type DeploymentObject, templateHash } from "../desired/deployment.ts";
import { childName, MADE_FROM_ANNOTATION, ROLL_NOW_ANNOTATION, TURN_ANNOTATION } from "../desired/names.ts";
import { effectiveReplicas } from "../desired/replicas.ts";
import { parseMark, specMark } from "../desired/spec-mark.ts";
import { CONFIG_MAPS, DEPLOYMENTS, type KubeObject, objectKey } from "../kube/objects.ts";
import { type Candidate, judge } from "../rollout/judge.ts";
import { selects } from "../rollout/policy.ts";
import type { Halt, Turn } from "../rollout/turns.ts";
import type { PendingReason } from "../status/observed.ts";
import { accountsInUse } from "./accounts.ts";
import { type Context, liveDeployment, liveTemplate } from "./context.ts";
import { reviewSpec } from "./validate-spec.ts";
import { knownStatus } from "./write-status.ts";

/** What of a reconcile the planning needs. */
export type PlanContext = Pick<
  Context,
  | ("change" | "children" | "cluster" | "fleet" | "key" | "memory" | "refused")
  | ("rollout" | "sink" | "templateHash" | "unknownFields" | "worker")
>;

/** A sink that waits for others to be known is looked at again after this, milliseconds. */
const UNSURE_MS = 5_000;

/**
 * What the sink's objects are to be now. It asks nobody and comes first, so that each sink has its place among those that roll
 * whatever becomes of its objects.
 */
export function plan(context: PlanContext): undefined {
  const { refused, unknownFields } = reviewSpec(context.sink);
  context.refused = refused;
  context.unknownFields = unknownFields;
  if (refused) {
    context.fleet.enter(context.key, { state: "apart" });
    return undefined;
  }
  const desired = children(context.sink, context.worker, accountsInUse(context));
  const deployment = desired.find(({ type }) => type === DEPLOYMENTS)?.object as DeploymentObject;
  context.children = asFarAsItMay(context, desired, deployment);
  return undefined;
}

/** After how long to come back for what waits; undefined when nothing does, or when it is called. */
export function planAgainMs({ change }: Pick<Context, "change">): number | undefined {
  return change.pending?.unsure ? UNSURE_MS : undefined;
}

/** The children as they may be now: what waits for its turn keeps its pods. */
function asFarAsItMay(context: PlanContext, desired: readonly Child[], deployment: DeploymentObject): readonly Child[] {
  const { change, fleet, key } = context;
  const live = liveOf(context);
  const wanted = templateHash(deployment);
  const madeFrom = parseMark(deployment.metadata.annotations?.[MADE_FROM_ANNOTATION]) ?? specMark(context.sink);
  const { place, free } = judge({ ...candidateOf(context), hash: wanted, madeFrom, live });
  const { begins, halt, unsure, fails } = fleet.enter(key, place);
  change.fails = fails;
  if (begins && place.state === "pending") change.turn = place.turn;
  if (free || begins) {
    context.templateHash = wanted;
    const turn = change.turn ?? (live?.hash === wanted ? live.turn : undefined);
    return turn ? withDeployment(desired, { type: DEPLOYMENTS, object: marked(deployment, turn) }) : desired;
  }
  context.templateHash = live?.hash;
  change.pending = { reason: pendingReason(halt), unsure };
  const kept = withDeployment(desired, { type: DEPLOYMENTS, object: heldBack(deployment), keepsRest: true });
  // A configuration that no pod is to read yet is made with the first pods that do.
  return kept.filter(({ type, object }) => type !== CONFIG_MAPS || object?.metadata.name === live?.configMap);
}

function candidateOf(context: PlanContext): Omit<Candidate, "hash" | "madeFrom" | "live"> {
  const { rollout, sink } = context;
  const { annotations = {}, labels = {} } = sink.metadata;
  const conditions = knownStatus(context)?.conditions ?? [];
  return {
    replicas: effectiveReplicas(sink),
    observedGeneration: sink.status?.observedGeneration ?? -1,
    ready: conditions.some(({ type, status }) => type === "Ready" && status === "True"),
    canary: selects(rollout.canaries, labels),
    forced: annotations[ROLL_NOW_ANNOTATION] === "true",
  };
}

function liveOf({ cluster, memory, sink }: PlanContext) {
  const { namespace, uid } = sink.metadata;
  const seen = cluster.child(DEPLOYMENTS, objectKey(namespace, childName(sink)));
  if (!seen?.deployment || seen.controllerUid !== uid) return undefined;
  const template = liveTemplate(memory, seen);
  return template && { ...template, replicas: liveDeployment(memory, seen.deployment).replicas };
}

function pendingReason(halt: Halt | undefined): PendingReason {
  if (halt === "paused") return "RolloutPaused";
  return halt === "stopped" ? "RolloutStopped" : "RolloutWaiting";
}

function withDeployment(all: readonly Child[], deployment: Child): Child[] {
  return all.map((child) => (child.type === DEPLOYMENTS ? deployment : child));
}

function marked({ metadata, spec }: DeploymentObject, turn: Turn): DeploymentObject {
  return { metadata: { ...metadata, annotations: { ...metadata.annotations, [TURN_ANNOTATION]: turn } }, spec };
}

/** What of a Deployment follows the sink although its pods do not. */
function heldBack({ metadata, spec }: DeploymentObject): KubeObject & { spec: object } {
  const { name, namespace = "", labels = {}, annotations = {} } = metadata;
  const kept = { [MADE_FROM_ANNOTATION]: annotations[MADE_FROM_ANNOTATION] ?? "" };
  return { metadata: { name, namespace, labels, annotations: kept }, spec: { replicas: spec.replicas } };
}
