import type { WorkerPod } from "../crds/kinesissink.generated.ts";
import { validateKinesisSink } from "../crds/validation/validate.ts";
import type { FleetPod, PodIdentity } from "./desired/worker-defaults.ts";

/** What of `spec.pod` can be given for all workers; image and resources have variables of their own. */
const FIELDS: readonly (keyof WorkerPod)[] = [
  ...(["labels", "annotations", "nodeSelector", "affinity", "tolerations"] as const),
  ...(["topologySpreadConstraints", "priorityClassName", "runtimeClassName", "hostAliases"] as const),
  ...(["dnsConfig", "env"] as const),
];
const IDENTITY: readonly (keyof PodIdentity)[] = ["runAsUser", "runAsGroup", "fsGroup"];
const LARGEST_ID = 2 ** 31 - 1;

/** A sink with nothing but a pod: what its definition allows there is what is allowed for all. */
function sinkWith(pod: object): unknown {
  return {
    apiVersion: "pulsar-kinesis.io/v1alpha1",
    kind: "KinesisSink",
    metadata: { name: "all" },
    spec: {
      config: { awsKinesisStreamName: "all", awsRegion: "us-east-1" },
      secrets: { awsCredentialPluginParam: { name: "all", key: "all" } },
      pulsar: { serviceUrl: "pulsar://all", topics: ["all"] },
      pod,
    },
  };
}

/**
 * Reads pod defaults for all workers: a JSON object with fields of `spec.pod` and `securityContext`.
 * @throws Error that names the field and says what is wrong.
 */
export function readFleetPod(text: string): FleetPod {
  const { securityContext, ...given } = parse(text);
  // A chart names all fields; what is empty is as absent, and makes no difference to the pods.
  const pod = Object.fromEntries(Object.entries(given).filter(([, value]) => !isEmpty(value)));
  const unknown = Object.keys(pod).find((name) => !FIELDS.some((field) => field === name));
  if (unknown !== undefined) {
    throw new Error(`has no field "${unknown}": give ${[...FIELDS, "securityContext"].join(", ")}`);
  }
  const validation = validateKinesisSink(sinkWith(pod));
  if (!validation.ok) {
    throw new Error(
      validation.errors.map(({ field, message }) => `${field.replace(/^spec\.pod\.?/, "")} ${message}`).join("; "),
    );
  }
  return { ...pod, ...(securityContext === undefined ? {} : { securityContext: identity(securityContext) }) };
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('is not JSON: give for example {"nodeSelector":{"disk":"ssd"}}');
  }
  if (!isObject(value)) throw new Error("must be a JSON object with fields of spec.pod");
  return value;
}

/** Null is as absent: the pods run as whom the platform says. */
function identity(value: unknown): PodIdentity {
  if (!isObject(value)) throw new Error(`securityContext must be an object with ${IDENTITY.join(", ")}`);
  const given = Object.entries(value).filter(([, id]) => id !== null);
  for (const [name, id] of given) {
    if (!IDENTITY.some((known) => known === name)) {
      throw new Error(`securityContext has no field "${name}": give ${IDENTITY.join(", ")}`);
    }
    const least = name === "runAsUser" ? 1 : 0;
    if (!Number.isInteger(id) || (id as number) < least || (id as number) > LARGEST_ID) {
      throw new Error(
        `securityContext.${name} must be an integer from ${least} to ${LARGEST_ID}: workers never run as root`,
      );
    }
  }
  return Object.fromEntries(given);
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
