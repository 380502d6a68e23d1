import type { Connector, Properties } from "./connector.ts";
import type { Draft } from "./draft.ts";
import { asFields, asText, type Fields } from "./values.ts";

/** What is left out without a word: it says which program runs, which is another one here. */
const SILENT = [
  ...[
    "name",
    "className",
    "archive",
    "sinkType",
    "clusterName",
    "java",
    "image",
    "imagePullPolicy",
    "imageWithPulsarctl",
  ],
  ...["downloaderImage", "cleanupImage", "connectionRef", "lifecyclePolicy", "pulsar", "input.typeClassName"],
  "showPreciseParallelism",
];

/** What properties without a counterpart were for, and what to do instead. */
const WITHOUT_COUNTERPART: Readonly<Record<string, string>> = {
  logTopic: "workers log to their pods' standard error, not to a topic.",
  transformFunction:
    "messages are moved as they are, not transformed. Run the function by itself and read its output topic.",
  transformFunctionClassName: "see transformFunction.",
  transformFunctionConfig: "see transformFunction.",
  runtimeFlags: "flags of the Java runtime.",
  customRuntimeOptions: "options of the function runtime. What shapes pods is in spec.pod.",
  resources:
    "those of a Java program. Workers have 100m CPU and 256Mi to 512Mi memory unless spec.pod.resources says otherwise, which is ample.",
  volumeMounts: "volumes are not mounted into workers. Secrets are named in spec.secrets and spec.pulsar.",
  statefulConfig: "the sink keeps no state.",
  batchBuilder: "an option of producers.",
};

/** Fields of Function Mesh's pod policy that mean the same in spec.pod. */
const SAME_IN_POD = ["annotations", "nodeSelector", "affinity", "tolerations", "env", "terminationGracePeriodSeconds"];

/** Pods, and everything that no other step took. */
export function convertRest({ properties }: Connector, draft: Draft): void {
  const pod = properties.take("pod");
  if (pod !== undefined) convertPod(asFields(pod.value), draft);
  for (const { written } of restOf(properties)) {
    const meaning = WITHOUT_COUNTERPART[written];
    draft.note(meaning === undefined ? `${written}: no counterpart.` : `${written}: no counterpart, ${meaning}`);
  }
}

function restOf(properties: Properties) {
  return properties.rest().filter(({ written }) => !SILENT.includes(written));
}

function convertPod(policy: Fields, draft: Draft): void {
  const left: string[] = [];
  for (const [name, value] of Object.entries(policy)) {
    if (value === null || value === undefined) continue;
    if (SAME_IN_POD.includes(name)) draft.set(`pod.${name}`, value);
    else if (name === "labels") draft.set("pod.labels", ownLabels(asFields(value)));
    else if (name === "serviceAccountName") draft.set("serviceAccount.name", asText(value) ?? "");
    else left.push(`pod.${name}`);
  }
  if (left.length > 0) draft.note(`${left.join(", ")}: no counterpart in a KinesisSink.`);
}

/** The operator sets those that it finds its pods by. */
function ownLabels(labels: Fields): Fields {
  const operators = ["name", "instance", "component", "managed-by"].map((name) => `app.kubernetes.io/${name}`);
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !operators.includes(name)));
}
