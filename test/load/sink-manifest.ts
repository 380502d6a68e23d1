import { KINESIS_SINKS } from "../../crds/resource.ts";

/** The key of a Secret that every sink of these tests takes its AWS credentials from. */
export const CREDENTIALS_KEY = { name: "aws", key: "credentials.json" } as const;

/** The manifest of a KinesisSink; `spec` adds to what all have, and replaces it. */
export function sinkManifest(metadata: { readonly name: string; readonly namespace?: string }, spec: object): object {
  return {
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    metadata,
    spec: { secrets: { awsCredentialPluginParam: CREDENTIALS_KEY }, ...spec },
  };
}
