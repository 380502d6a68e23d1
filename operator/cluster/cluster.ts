import type { ResourceType } from "../../runtime/kube/resource-type.ts";
import type { LiveSink } from "../desired/names.ts";
import type { Stored } from "../kube/store.ts";
import type { LiveTemplate } from "../rollout/judge.ts";
import type { Cause, ObservedDeployment } from "../status/observed.ts";

/** What is remembered of an object that a sink may own. */
export interface ChildView extends Stored {
  readonly uid: string;
  readonly group: string | undefined;
  /** The uid of its controlling owner. */
  readonly controllerUid: string | undefined;
  /** Changes whenever somebody changes what the operator applies. */
  readonly fingerprint: string;
  /** For a Deployment only. */
  readonly deployment?: ObservedDeployment;
  /** For a Deployment only: what its pods are made from. */
  readonly template?: TemplateView;
}

export interface TemplateView extends Omit<LiveTemplate, "replicas"> {
  /** Name of the ConfigMap with the worker's configuration. */
  readonly configMap: string | undefined;
}

export interface SinkView extends Stored {
  readonly sink: LiveSink;
}

export interface PodView extends Stored {
  readonly group: string | undefined;
  readonly name: string;
  readonly controllerUid: string | undefined;
  readonly templateHash: string | undefined;
  /** The service account whose token it holds. */
  readonly account: string;
  /** Name of the ConfigMap with its configuration. */
  readonly configMap: string | undefined;
  readonly terminating: boolean;
  /** Its containers run no longer and never will again, as after an eviction; nobody may delete it for a long time. */
  readonly ended: boolean;
  readonly ready: boolean;
  /** A container runs or has run, so that events of mounting and pulling are history. */
  readonly started: boolean;
  /** What keeps it from running now. */
  readonly cause: Cause | undefined;
  /** It runs, after it ended more than once. */
  readonly repeatedExit: Cause | undefined;
}

/** The cluster as the watches last saw it. Keys are `namespace/name`. */
export interface Cluster {
  sink(key: string): LiveSink | undefined;
  child(type: ResourceType, key: string): ChildView | undefined;
  /** ReplicaSets and pods that carry the sink's labels, whoever controls them. */
  replicaSets(sinkKey: string): ChildView[];
  pods(sinkKey: string): PodView[];
  /** ConfigMaps that carry the sink's labels, whoever controls them. */
  configMaps(sinkKey: string): ChildView[];
}
