/** Any JSON value, as manifests are made of. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A manifest that everybody takes: bad ones are made from it by a merge patch. */
export const goodManifest = {
  apiVersion: "pulsar-kinesis.io/v1alpha1",
  kind: "KinesisSink",
  metadata: { name: "orders" },
  spec: {
    config: { awsKinesisStreamName: "orders", awsRegion: "us-west-2" },
    secrets: { awsCredentialPluginParam: { name: "aws-orders", key: "credentials.json" } },
    pulsar: { serviceUrl: "pulsar://pulsar:6650", topics: ["persistent://public/default/orders"] },
  },
} as const satisfies Json;

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON merge patch (RFC 7386): null removes, objects merge, all else replaces. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map<string, Json>(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name) ?? null, value));
  }
  return Object.fromEntries(merged);
}
