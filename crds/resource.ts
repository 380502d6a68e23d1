/** What names the KinesisSink resource in the Kubernetes API. */
export const KINESIS_SINKS = {
  group: "pulsar-kinesis.io",
  version: "v1alpha1",
  apiVersion: "pulsar-kinesis.io/v1alpha1",
  kind: "KinesisSink",
  plural: "kinesissinks",
  shortName: "ksink",
} as const;
