/** From a KinesisSink to the parts of a worker: the one place that knows which property goes where. */
import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { subscriptionName } from "../crds/subscription.ts";
import type { Clock } from "../runtime/clock.ts";
import { createHttpClient } from "../runtime/http-client.ts";
import type { Logger } from "../runtime/log.ts";
import type { ProxyVariables } from "../runtime/proxy.ts";
import { program } from "../runtime/version.ts";
import { set } from "./config.ts";
import { createFormat } from "./format/create.ts";
import { partitionKey, spreadKey } from "./format/partition-key.ts";
import { receiveBudget } from "./memory.ts";
import { createBudget } from "./pipeline/budget.ts";
import { createPipeline } from "./pipeline/create.ts";
import { HANDOVER_WAIT_MS } from "./pipeline/ordered/fencing.ts";
import { noPeers, type Peers } from "./pipeline/peers.ts";
import type { PrivateKeysOpener } from "./private-keys.ts";
import { type PulsarAccess, pulsarAccess } from "./pulsar-access.ts";
import { createPulsarAdmin } from "./pulsar-admin.ts";
import { caReference, type KeyReader } from "./secrets.ts";
import { createKinesisSink } from "./sink/client.ts";
import { createCredentials } from "./sink/credentials.ts";
import type { RequestLimits, Sink, StreamDescription } from "./sink/sink.ts";
import { createStreamWatch } from "./sink/stream-watch.ts";
import { createSource, type SourceOptions } from "./source/create.ts";
import type { Decryption } from "./source/options.ts";
import { probeBroker } from "./source/probe.ts";
import type { ReceiveBudget } from "./source/source.ts";
import type { WorkerParts } from "./worker.ts";

/** An inline parameter is read from the API server, which many workers must not ask every few seconds. */
const INLINE_RECHECK_MS = 60_000;

export interface PartsOptions {
  readonly manifest: KinesisSink;
  readonly readKey: KeyReader;
  readonly privateKeys: PrivateKeysOpener;
  /** The inline `awsCredentialPluginParam`. */
  readonly readInlineParam: () => Promise<string>;
  /** Workers of the sink were subscribed to all of its topics before this one began. False by default. */
  readonly subscribedBefore?: () => Promise<boolean>;
  /** As brokers show it in their statistics. */
  readonly consumerName: string;
  /** Bytes of memory that the process may use; null when nothing limits it. */
  readonly memoryLimitBytes: number | null;
  /** The way to AWS, to an OAuth 2.0 issuer and to Pulsar's admin API; none by default. */
  readonly proxy?: ProxyVariables;
  /** The other workers of the sink; none is known by default. */
  readonly peers?: Peers;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The stream's part is made first, the rest when the stream is known to be usable. */
export function createParts(options: PartsOptions): WorkerParts {
  const { manifest, clock, log } = options;
  const { pulsar, config } = manifest.spec;
  const send = createHttpClient(options.proxy);
  const access = pulsarAccess(pulsar, options.readKey, send);
  const adminUrl = set(pulsar.adminUrl);
  const admin = adminUrl === undefined ? null : createPulsarAdmin(adminUrl, access, send);
  const sink = kinesisSink(options);
  const streamWatch = createStreamWatch({ sink, refuseAuto: config.retainOrdering, clock, log });
  return {
    sink,
    streamWatch,
    adminGet: admin?.get ?? null,
    probeSource: (signal) => probeBroker({ serviceUrl: pulsar.serviceUrl, ...access, clock, log }, signal),
    connect: async (stream) => {
      const budget = createBudget(receiveBudget(options.memoryLimitBytes));
      const existed = await hasExisted(options);
      const source = await createSource({ ...sourceOptions(options, access, budget, existed), admin });
      const format = createFormat(config, source.schemas);
      const limits = requestLimits(manifest, () => streamWatch.description ?? stream);
      const pipeline = createPipeline({
        ...pipelineOptions(options, stream),
        format,
        sink,
        streamWatch,
        limits,
        budget,
      });
      return { source, pipeline };
    },
  };
}

function kinesisSink({ manifest, readKey, readInlineParam, proxy = {}, clock }: PartsOptions): Sink {
  const { config, secrets } = manifest.spec;
  const secret = secrets?.awsCredentialPluginParam;
  const readParam = secret
    ? async () => (await readKey({ kind: "Secret", ...secret })).toString("utf8")
    : readInlineParam;
  const ca = caReference(manifest.spec.aws?.ca);
  const connection = {
    region: set(config.awsRegion),
    ...(ca === null ? {} : { ca: () => readKey(ca) }),
    connectTimeout: config.connectTimeout,
    requestTimeout: config.requestTimeout,
    proxy,
    clock,
  };
  const credentials = createCredentials({
    ...connection,
    pluginName: config.awsCredentialPluginName ?? "",
    readParam,
    ...(secret ? {} : { recheckMs: INLINE_RECHECK_MS }),
    stsEndpoint: set(config.awsStsEndpoint),
    stsPort: config.awsStsPort,
  });
  return createKinesisSink({
    ...connection,
    stream: config.awsKinesisStreamName,
    endpoint: set(config.awsEndpoint),
    endpointPort: config.awsEndpointPort,
    skipCertificateValidation: config.skipCertificateValidation,
    credentials,
    maxConnections: config.maxConnections,
    userAgent: program,
  });
}

/** @param latest the stream as described last: what hinders a message may be mended there while the worker runs */
function requestLimits({ spec }: KinesisSink, latest: () => StreamDescription): RequestLimits {
  return {
    maxRecords: spec.config.collectionMaxCount,
    maxBytes: spec.config.collectionMaxSize,
    get maxRecordBytes() {
      return latest().maxRecordBytes;
    },
  };
}

/** @param stream as the worker found it when it began */
function pipelineOptions(options: PartsOptions, stream: StreamDescription) {
  const { config, deadLetter, keyless, lingerMillis } = options.manifest.spec;
  return {
    ordered: config.retainOrdering,
    partitionKey: keyless === "Spread" ? spreadKey : partitionKey,
    retry: { initialDelayMs: config.retryInitialDelayInMillis, maxDelayMs: config.retryMaxDelayInMillis },
    // A stream that ignores hash keys puts aggregates where consumers drop them.
    aggregation: config.aggregationEnabled && stream.recordDistribution !== "AUTO",
    lingerMs: lingerMillis,
    rateLimit: config.rateLimit,
    recordTtlMs: config.recordTtl,
    handoverWaitMs: HANDOVER_WAIT_MS,
    peers: options.peers ?? noPeers,
    maxConcurrentRequests: config.maxConnections,
    deadLetterTopic: deadLetter?.topic ?? null,
    clock: options.clock,
    log: options.log,
  };
}

/** It matters only where a subscription does not begin at its start anyway. */
async function hasExisted({ manifest, subscribedBefore }: PartsOptions): Promise<boolean> {
  const { initialPosition } = manifest.spec.pulsar.subscription;
  return initialPosition === "Latest" && ((await subscribedBefore?.()) ?? false);
}

function sourceOptions(
  options: PartsOptions,
  access: PulsarAccess,
  budget: ReceiveBudget,
  existed: boolean,
): SourceOptions {
  const { manifest } = options;
  const { pulsar, config, deadLetter } = manifest.spec;
  return {
    client: pulsar.client,
    serviceUrl: pulsar.serviceUrl,
    listenerName: set(pulsar.listenerName),
    topics: pulsar.topics ?? [],
    topicsPattern: set(pulsar.topicsPattern),
    exceptTopics: deadLetter ? [deadLetter.topic] : [],
    subscription: {
      name: subscriptionName(manifest),
      type: config.retainOrdering ? "Failover" : "Shared",
      initialPosition: pulsar.subscription.initialPosition,
      existed,
    },
    ...access,
    decryption: decryption(options),
    receiverQueueSize: pulsar.receiverQueueSize,
    budget,
    memoryLimitBytes: options.memoryLimitBytes,
    consumerName: options.consumerName,
    clock: options.clock,
    log: options.log,
  };
}

function decryption({ manifest, privateKeys }: PartsOptions): Decryption | null {
  const { encryption } = manifest.spec.pulsar;
  if (encryption === undefined) return null;
  return { keys: privateKeys(encryption.privateKeys.name), onFailure: encryption.onFailure };
}
