/** Whether a worker of a sink would get what it needs. It moves nothing, and leaves nothing behind. */
import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { subscriptionName } from "../crds/subscription.ts";
import { systemClock } from "../runtime/clock.ts";
import { errorText } from "../runtime/error-text.ts";
import { createHttpClient } from "../runtime/http-client.ts";
import type { Logger } from "../runtime/log.ts";
import { proxyVariables } from "../runtime/proxy.ts";
import { set } from "./config.ts";
import { createParts } from "./parts.ts";
import { filePrivateKeys } from "./private-keys.ts";
import { pulsarAccess } from "./pulsar-access.ts";
import { type AdminGet, statsPath } from "./report/backlog.ts";
import { fileKeys } from "./secrets.ts";
import { type Sink, SinkError, type StreamDescription } from "./sink/sink.ts";
import { AUTO_DISTRIBUTION } from "./sink/stream-watch.ts";
import { checkSource, type Finding } from "./source/check.ts";

export interface CheckOptions {
  readonly manifest: KinesisSink;
  /** Files that stand for keys of Secrets and ConfigMaps: `NAME/KEY` → file. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Tries everything that does not depend on something else that fails; both sides at once. */
export async function checkSink(options: CheckOptions): Promise<Finding[]> {
  const { manifest, secrets, environment, log, signal } = options;
  const parts = createParts({
    manifest,
    readKey: fileKeys(secrets),
    privateKeys: filePrivateKeys(secrets),
    readInlineParam: async () => manifest.spec.config.awsCredentialPluginParam ?? "",
    consumerName: "kinesis-sink-check",
    memoryLimitBytes: null,
    proxy: proxyVariables(environment),
    clock: systemClock,
    log,
  });
  try {
    const [pulsar, stream] = await Promise.all([
      checkPulsar(options, parts.adminGet),
      checkStream(parts.sink, manifest.spec.config.retainOrdering, signal),
    ]);
    return [...pulsar, ...decryptionKeys(manifest, secrets), ...stream];
  } finally {
    parts.sink.close();
  }
}

async function checkPulsar(options: CheckOptions, get: AdminGet | null): Promise<Finding[]> {
  const { manifest, secrets, environment, log, signal } = options;
  const { pulsar, deadLetter } = manifest.spec;
  const access = pulsarAccess(pulsar, fileKeys(secrets), createHttpClient(proxyVariables(environment)));
  const { findings, partitions } = await checkSource(
    {
      serviceUrl: pulsar.serviceUrl,
      listenerName: set(pulsar.listenerName),
      topics: pulsar.topics ?? [],
      topicsPattern: set(pulsar.topicsPattern),
      exceptTopics: deadLetter ? [deadLetter.topic] : [],
      ...access,
      log,
    },
    signal,
  );
  return [...findings, ...(await checkSubscription(manifest, partitions, get, signal))];
}

interface SubscriptionStats {
  readonly type?: string;
  readonly msgBacklog?: number;
  readonly consumers?: readonly unknown[];
}

/** By the admin API alone: to subscribe would deal the partitions out anew. */
async function checkSubscription(
  manifest: KinesisSink,
  partitions: readonly string[],
  get: AdminGet | null,
  signal: AbortSignal,
): Promise<Finding[]> {
  const name = subscriptionName(manifest);
  const subject = `subscription ${name}`;
  if (get === null)
    return [{ subject, result: "untried", message: "is looked at by spec.pulsar.adminUrl, which is not given" }];
  try {
    if (partitions.length === 0) {
      await get("/admin/v2/clusters", signal);
      return [{ subject: "admin API", result: "good", message: "answers" }];
    }
    const stats: SubscriptionStats[] = [];
    for (const partition of partitions.slice(0, 100)) {
      const answer = (await get(statsPath(partition, false), signal)) as {
        subscriptions?: Record<string, SubscriptionStats>;
      };
      const found = answer.subscriptions?.[name];
      if (found !== undefined) stats.push(found);
    }
    return [{ subject, ...subscriptionResult(manifest, stats) }];
  } catch (error) {
    return [{ subject: "admin API", result: "bad", message: `spec.pulsar.adminUrl: ${errorText(error)}` }];
  }
}

function subscriptionResult(manifest: KinesisSink, stats: readonly SubscriptionStats[]): Omit<Finding, "subject"> {
  const { config, pulsar } = manifest.spec;
  if (stats.length === 0) {
    return { result: "good", message: `does not exist yet, and will begin at ${pulsar.subscription.initialPosition}` };
  }
  const wanted = config.retainOrdering ? "Failover" : "Shared";
  const consumers = stats.reduce((sum, one) => sum + (one.consumers ?? []).length, 0);
  const other = stats.find(({ type, consumers: readers = [] }) => readers.length > 0 && type !== wanted);
  if (other !== undefined) {
    const remedy = "stop them, or choose another subscription name";
    return {
      result: "bad",
      message: `SubscriptionBusy: ${consumers} consumers read by it in the mode ${other.type}, where this sink needs ${wanted}: ${remedy}`,
    };
  }
  const waiting = stats.reduce((sum, { msgBacklog = 0 }) => sum + msgBacklog, 0);
  const readers =
    consumers === 0 ? "nobody reads by it now" : `${consumers} consumers read by it, and would share with this sink`;
  return { result: "good", message: `exists: ${waiting} entries wait, ${readers}` };
}

function decryptionKeys({ spec }: KinesisSink, secrets: ReadonlyMap<string, string>): Finding[] {
  const { encryption } = spec.pulsar;
  if (encryption === undefined) return [];
  const subject = `decryption keys in ${encryption.privateKeys.name}`;
  try {
    filePrivateKeys(secrets)(encryption.privateKeys.name).check();
    return [{ subject, result: "good", message: "are there" }];
  } catch (error) {
    return [{ subject, result: "bad", message: errorText(error) }];
  }
}

async function checkStream(sink: Sink, ordered: boolean, signal: AbortSignal): Promise<Finding[]> {
  let stream: StreamDescription;
  try {
    stream = await sink.describe(signal);
  } catch (error) {
    return [sinkFinding("stream", error)];
  }
  const { name, status, mode, openShards, recordDistribution } = stream;
  const subject = `stream ${name}`;
  const findings: Finding[] = [];
  if (status !== "ACTIVE" && status !== "UPDATING") {
    findings.push({ subject, result: "bad", message: `StreamNotActive: it is ${status}: wait until it is ACTIVE` });
  } else if (ordered && recordDistribution === "AUTO") {
    findings.push({ subject, result: "bad", message: `${AUTO_DISTRIBUTION.code}: ${AUTO_DISTRIBUTION.message}` });
  } else findings.push({ subject, result: "good", message: `is ${status}, ${mode}, ${openShards} open shards` });
  try {
    await sink.listShards(signal);
    findings.push({ subject: "kinesis:ListShards", result: "good", message: "allowed" });
  } catch (error) {
    findings.push(sinkFinding("kinesis:ListShards", error));
  }
  const untried = "not tried: Kinesis has no way to try it without writing a record";
  return [...findings, { subject: "kinesis:PutRecords", result: "untried", message: untried }];
}

function sinkFinding(subject: string, error: unknown): Finding {
  const cause = error instanceof SinkError ? `${error.code}: ${error.message}` : errorText(error);
  return { subject, result: "bad", message: cause };
}
