import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../env/ports.ts";
import { type RunningSink, startSink } from "../harness/running-sink.ts";

export interface JavaSinkTask {
  /** Of its files. */
  readonly name: string;
  readonly classPath: string;
  readonly folder: string;
  readonly serviceUrl: string;
  readonly topic: string;
  readonly subscription: string;
  /** Of the endpoint; TLS, the producer library takes nothing else. */
  readonly endpoint: string;
  readonly stream: string;
  readonly ordered: boolean;
  readonly aggregation: boolean;
  readonly signal: AbortSignal;
}

/** What Pulsar gives a function's instance that asks for nothing (Resources.getDefaultResources). */
const HEAP = "1g";

/** Starts Pulsar's Java sink without the functions runtime. */
export async function startJavaSink(task: JavaSinkTask): Promise<RunningSink> {
  const { name, folder, classPath, serviceUrl, topic, subscription, ordered, signal } = task;
  const [port = 0] = await freePorts(1);
  const tempDirectory = join(folder, "java-sink");
  await mkdir(tempDirectory, { recursive: true });
  const program = { serviceUrl, topic, subscription, ordered, port, config: configOf(task, tempDirectory) };
  const options = [`-Xmx${HEAP}`, "-XX:-UsePerfData", `-Djava.io.tmpdir=${tempDirectory}`];
  return await startSink({
    ...{ name, folder, port, signal },
    command: ["java", ...options, "-cp", classPath, "JavaSink", JSON.stringify(program)],
    env: { ...process.env, AWS_EC2_METADATA_DISABLED: "true" },
  });
}

function configOf({ endpoint, stream, ordered, aggregation }: JavaSinkTask, tempDirectory: string): object {
  const { hostname, port } = new URL(endpoint);
  return {
    awsKinesisStreamName: stream,
    awsRegion: "us-east-1",
    awsEndpoint: hostname,
    awsEndpointPort: Number(port),
    awsStsEndpoint: hostname,
    awsStsPort: Number(port),
    awsCredentialPluginParam: JSON.stringify({ accessKey: "key", secretKey: "secret" }),
    skipCertificateValidation: true,
    retainOrdering: ordered,
    aggregationEnabled: aggregation,
    extraKinesisProducerConfig: { metricsLevel: "none", logLevel: "warning", tempDirectory },
  };
}
