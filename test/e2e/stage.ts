import { CreateStreamCommand, DescribeStreamSummaryCommand } from "@aws-sdk/client-kinesis";
import { kinesisClient } from "../fakes/read-stream.ts";
import { type PulsarAdmin, pulsarAdmin } from "../load/pulsar-admin.ts";
import { until } from "../until.ts";
import { type Kube, kube } from "./kube.ts";

/** The real parts that a scenario plays on: the local environment's, or those of an existing cluster. */
export interface Stage {
  readonly kube: Kube;
  /** Runs Helm and returns what it printed. */
  readonly helm: (args: readonly string[]) => Promise<string>;
  readonly pulsar: { readonly serviceUrl: string; readonly admin: PulsarAdmin; readonly adminUrl: string };
  /** As pods and this process reach it. */
  readonly kinesisEndpoint: string;
  /** `repository:tag` of the image with both programs, present on the nodes. */
  readonly image: string;
}

export function stage(parts: {
  kubectl: Kube["kubectl"];
  helm: Stage["helm"];
  serviceUrl: string;
  adminUrl: string;
  kinesisEndpoint: string;
  image: string;
}): Stage {
  return {
    kube: kube(parts.kubectl),
    helm: parts.helm,
    pulsar: { serviceUrl: parts.serviceUrl, adminUrl: parts.adminUrl, admin: pulsarAdmin(parts.adminUrl) },
    kinesisEndpoint: parts.kinesisEndpoint,
    image: parts.image,
  };
}

export const OPERATOR_NAMESPACE = "kinesis-sink-system";
export const RELEASE = "kinesis-sink-operator";

/** Installs the chart and waits until the operator is ready. */
export async function installOperator(stage: Stage, chart: string, values: Record<string, string> = {}): Promise<void> {
  const colon = stage.image.lastIndexOf(":");
  const all = {
    "image.repository": stage.image.slice(0, colon),
    "image.tag": stage.image.slice(colon + 1),
    "image.pullPolicy": "IfNotPresent",
    ...values,
  };
  await stage.helm([
    ...["upgrade", "--install", RELEASE, chart],
    ...["--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--wait", "--timeout", "5m"],
    ...Object.entries(all).flatMap(([name, value]) => ["--set-string", `${name}=${value}`]),
  ]);
}

/** Creates a stream and waits until it is active. */
export async function createStream(endpoint: string, name: string, shards: number): Promise<void> {
  const client = kinesisClient(endpoint);
  try {
    await client.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards }));
    await until(`stream ${name} is active`, async () => {
      const answer = await client.send(new DescribeStreamSummaryCommand({ StreamName: name }));
      return answer.StreamDescriptionSummary?.StreamStatus === "ACTIVE";
    });
  } finally {
    client.destroy();
  }
}
