import type { Condition, KinesisSink } from "../../crds/kinesissink.generated.ts";
import type { ConditionType } from "../../crds/status-values.ts";
import { until } from "../until.ts";

/** Runs kubectl and returns what it printed. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

export interface Kube {
  readonly kubectl: Kubectl;
  /** `kubectl apply -f -` of one or more objects. @throws with kubectl's message */
  apply(...objects: readonly object[]): Promise<string>;
  get<T>(namespace: string, kind: string, name: string): Promise<T | null>;
  list<T>(namespace: string, kind: string, selector?: string): Promise<T[]>;
  sink(namespace: string, name: string): Promise<KinesisSink | null>;
  /** Polls until `holds`; the error shows what was last seen. */
  untilSink(namespace: string, name: string, what: string, holds: (sink: KinesisSink) => boolean): Promise<KinesisSink>;
}

export function kube(kubectl: Kubectl): Kube {
  const get = async <T>(namespace: string, kind: string, name: string): Promise<T | null> => {
    const text = await kubectl(["-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found"]);
    return text.trim() === "" ? null : (JSON.parse(text) as T);
  };
  const list = async <T>(namespace: string, kind: string, selector?: string): Promise<T[]> => {
    const text = await kubectl(["-n", namespace, "get", kind, "-o", "json", ...(selector ? ["-l", selector] : [])]);
    return (JSON.parse(text) as { items: T[] }).items;
  };
  return {
    kubectl,
    apply: (...objects) =>
      kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects })),
    get,
    list,
    sink: (namespace, name) => get(namespace, "kinesissink", name),
    untilSink: async (namespace, name, what, holds) => {
      let last: KinesisSink | null = null;
      return await until(
        `KinesisSink ${namespace}/${name}: ${what}`,
        async () => {
          last = await get<KinesisSink>(namespace, "kinesissink", name);
          return last !== null && holds(last) && last;
        },
        { last: () => JSON.stringify(last?.status, null, 2) },
      );
    },
  };
}

export function condition(sink: KinesisSink, type: ConditionType): Condition | undefined {
  return sink.status.conditions?.find((one) => one.type === type);
}

/** Ready for the present generation. */
export function isReady(sink: KinesisSink): boolean {
  const ready = condition(sink, "Ready");
  return ready?.status === "True" && sink.status.observedGeneration === sink.metadata.generation;
}
