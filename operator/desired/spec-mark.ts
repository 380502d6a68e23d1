import { withoutDefaults } from "../../crds/defaults.ts";
import { jsonHash } from "../../runtime/json-hash.ts";
import type { LiveSink } from "./names.ts";

/** Which spec a template was made from: `metadata.generation`, and a hash of what of it makes pods. */
export interface SpecMark {
  readonly generation: number;
  readonly hash: string;
}

/** Fields whose change makes no pod anew: they are the operator's, or reach a worker with the answers to its reports. */
export const MAKE_NO_PODS: readonly string[] = [
  "class",
  "replicas",
  "paused",
  "autoscaling",
  "logLevel",
  "cleanupSubscription",
];

export function specMark({ metadata, spec }: LiveSink): SpecMark {
  const fields = Object.entries(spec).filter(([name]) => !MAKE_NO_PODS.includes(name));
  const shaping = withoutDefaults(Object.fromEntries(fields), "spec");
  return { generation: metadata.generation, hash: jsonHash(shaping) };
}

/** As an annotation. */
export function formatMark({ generation, hash }: SpecMark): string {
  return `${generation}/${hash}`;
}

export function parseMark(text: string | undefined): SpecMark | undefined {
  const [, generation, hash = ""] = /^(\d+)\/(\w+)$/.exec(text ?? "") ?? [];
  return generation === undefined ? undefined : { generation: Number(generation), hash };
}
