import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { ApiError } from "../../runtime/kube/errors.ts";
import { collectionPath, type ResourceType } from "../../runtime/kube/resource-type.ts";
import type { Cluster } from "./access.ts";

const PODS: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod" };
const EVENTS: ResourceType = { group: "", version: "v1", plural: "events", kind: "Event" };
/** Of more pods the events would say the same. */
const MOST_ASKED = 5;
const MOST_EVENTS = 3;

/** What is shown of a pod. */
export interface PodView {
  readonly name: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** What keeps it from running, in Kubernetes' own words. */
  readonly causes: readonly string[];
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount?: number;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
      readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

interface Event {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** The sink's pods. None, with the reason as a note, where they may not be seen. */
export async function sinkPods(cluster: Cluster, sink: KinesisSink): Promise<{ pods: PodView[]; note: string | null }> {
  const { selector = "" } = sink.status ?? {};
  const { namespace } = sink.metadata;
  if (selector === "") return { pods: [], note: null };
  try {
    const { items } = await cluster.client.request<{ items: Pod[] }>({
      path: collectionPath(PODS, namespace),
      query: { labelSelector: selector },
    });
    const views = items.map(podView);
    const troubled = views.filter(({ ready }) => !ready).slice(0, MOST_ASKED);
    const warnings = new Map<string, string[]>();
    for (const { name } of troubled) warnings.set(name, await podWarnings(cluster, namespace, name));
    const pods = views.map((view) => ({ ...view, causes: [...view.causes, ...(warnings.get(view.name) ?? [])] }));
    return { pods, note: null };
  } catch (error) {
    if (error instanceof ApiError) return { pods: [], note: `pods are not shown: ${error.message}` };
    throw error;
  }
}

function podView({ metadata, status }: Pod): PodView {
  const conditions = status?.conditions ?? [];
  const containers = status?.containerStatuses ?? [];
  const unscheduled = conditions.find((one) => one.type === "PodScheduled" && one.status === "False");
  const waits = containers.flatMap(({ state, lastState }) => {
    const { reason, message = "" } = state?.waiting ?? {};
    const words = lastState?.terminated?.message ?? message;
    return reason === undefined || reason === "ContainerCreating" ? [] : [`${reason}: ${words.trim()}`];
  });
  return {
    name: metadata.name,
    phase: metadata.deletionTimestamp === undefined ? (status?.phase ?? "Unknown") : "Terminating",
    ready: conditions.some((one) => one.type === "Ready" && one.status === "True"),
    restarts: containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    causes: [...(unscheduled ? [`${unscheduled.reason}: ${unscheduled.message}`] : []), ...waits],
  };
}

async function podWarnings({ client }: Cluster, namespace: string | undefined, pod: string): Promise<string[]> {
  const { items } = await client.request<{ items: Event[] }>({
    path: collectionPath(EVENTS, namespace),
    query: { fieldSelector: `involvedObject.kind=Pod,involvedObject.name=${pod},type=Warning`, limit: 50 },
  });
  const told = items.map(({ reason, message }) => `${reason}: ${(message ?? "").trim()}`);
  return [...new Set(told)].slice(-MOST_EVENTS);
}
