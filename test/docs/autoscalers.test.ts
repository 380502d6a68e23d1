/** The autoscalers that the documentation shows would scale a sink: the fields that each of them reads are there, as it reads them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import { loadAll } from "js-yaml";
import { KINESIS_SINKS } from "../../crds/resource.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/autoscaling.md"), "utf8");
const manifests = [...PAGE.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, text = ""]) => loadAll(text)) as {
  readonly kind: string;
}[];

const target = {
  type: "object",
  additionalProperties: false,
  required: ["apiVersion", "kind", "name"],
  properties: {
    apiVersion: { const: KINESIS_SINKS.apiVersion },
    kind: { const: KINESIS_SINKS.kind },
    name: { type: "string" },
  },
};

/** What KEDA 2 takes of a ScaledObject, as far as the page uses it (keda.sh/docs, "ScaledObject specification", "Pulsar"). */
const scaledObject = {
  type: "object",
  additionalProperties: false,
  required: ["scaleTargetRef", "triggers"],
  properties: {
    scaleTargetRef: target,
    minReplicaCount: { type: "integer", minimum: 0 },
    maxReplicaCount: { type: "integer", minimum: 1, maximum: 100 },
    cooldownPeriod: { type: "integer", minimum: 0 },
    triggers: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["type", "metadata"],
        properties: {
          type: { const: "pulsar" },
          // Numbers and booleans are refused: all values are text.
          metadata: {
            type: "object",
            required: ["adminURL", "topic", "subscription", "msgBacklogThreshold"],
            additionalProperties: { type: "string" },
          },
        },
      },
    },
  },
};

/** What the API server takes is tested with it; this is what makes the autoscaler one of a sink. */
const horizontalPodAutoscaler = {
  type: "object",
  required: ["scaleTargetRef", "maxReplicas", "metrics"],
  properties: { scaleTargetRef: target, minReplicas: { type: "integer", minimum: 1 }, maxReplicas: { maximum: 100 } },
};

for (const [kind, schema] of [
  ["ScaledObject", scaledObject],
  ["HorizontalPodAutoscaler", horizontalPodAutoscaler],
] as const) {
  test(`the ${kind} of the page scales a KinesisSink`, () => {
    const found = manifests.filter((manifest) => manifest.kind === kind);
    assert.equal(found.length, 1);
    const matches = new Ajv({ strict: false }).compile({ properties: { spec: schema }, required: ["spec"] });
    assert.ok(matches(found[0]), JSON.stringify(matches.errors));
  });
}
