/** A field by the name that it has elsewhere: where it belongs here, or why nothing does its work. */
interface OtherName {
  readonly place?: string;
  readonly instead?: string;
}

const place = (path: string): OtherName => ({ place: path });
const instead = (remedy: string): OtherName => ({ instead: remedy });

const SUBSCRIPTION = place("spec.pulsar.subscription.name");
const POSITION = place("spec.pulsar.subscription.initialPosition");
const ORDER = place("spec.config.retainOrdering");
const ENDPOINT = place("spec.config.awsEndpoint");
const STREAM = place("spec.config.awsKinesisStreamName");
const KEYS = place("spec.pulsar.encryption");
const RETRIES = instead(
  "what may pass is retried for ever, and what cannot be delivered goes to spec.deadLetter.topic",
);
const GUARANTEE = instead("delivery is at least once, and spec.config.retainOrdering keeps the order");
const CONNECTOR = instead("it names the connector's program, and there is one here");
const KPL = instead("it is internal to the Kinesis Producer Library");

/**
 * How Pulsar IO, Function Mesh, the producer library, Pulsar's clients and Kubernetes call what a KinesisSink has under another
 * name. In lower case, as capitals are what people mistake first.
 */
const OTHER_NAMES: Readonly<Record<string, OtherName>> = {
  inputs: place("spec.pulsar.topics"),
  input: place("spec.pulsar.topics"),
  topic: place("spec.pulsar.topics"),
  topicpattern: place("spec.pulsar.topicsPattern"),
  subscriptionname: SUBSCRIPTION,
  sourcesubscriptionname: SUBSCRIPTION,
  subscriptionposition: POSITION,
  sourcesubscriptionposition: POSITION,
  subscriptioninitialposition: POSITION,
  subscriptiontype: ORDER,
  retainkeyordering: ORDER,
  processingguarantee: GUARANTEE,
  processingguarantees: GUARANTEE,
  configs: place("spec.config"),
  sinkconfig: place("spec.config"),
  secretsmap: place("spec.secrets"),
  deadlettertopic: place("spec.deadLetter.topic"),
  parallelism: place("spec.replicas"),
  minreplicas: instead("a HorizontalPodAutoscaler scales a KinesisSink between two numbers of spec.replicas"),
  maxreplicas: instead("a HorizontalPodAutoscaler scales a KinesisSink between two numbers of spec.replicas"),
  resources: place("spec.pod.resources"),
  image: place("spec.pod.image"),
  env: place("spec.pod.env"),
  serviceaccountname: place("spec.serviceAccount.name"),
  brokerserviceurl: place("spec.pulsar.serviceUrl"),
  webserviceurl: place("spec.pulsar.adminUrl"),
  adminserviceurl: place("spec.pulsar.adminUrl"),
  authconfig: place("spec.pulsar.auth"),
  authsecret: place("spec.pulsar.auth"),
  authparams: place("spec.pulsar.auth"),
  tlsconfig: place("spec.pulsar.tls"),
  tlssecret: place("spec.pulsar.tls"),
  cryptoconfig: KEYS,
  maxmessageretries: RETRIES,
  maxmessageretry: RETRIES,
  timeoutms: RETRIES,
  negativeackredeliverydelayms: RETRIES,
  autoack: instead("a message is acknowledged once Kinesis has it"),
  logtopic: instead("workers log to their pods' standard error"),
  tenant: instead("topics name their tenant, and so does spec.pulsar.subscription.name where it is a connector's"),
  classname: CONNECTOR,
  sinktype: CONNECTOR,
  archive: CONNECTOR,
  streamname: STREAM,
  kinesisstreamname: STREAM,
  region: place("spec.config.awsRegion"),
  endpoint: ENDPOINT,
  kinesisendpoint: ENDPOINT,
  recordmaxbufferedtime: place("spec.lingerMillis"),
  linger: place("spec.lingerMillis"),
  lingerms: place("spec.lingerMillis"),
  metricslevel: KPL,
  metricsgranularity: KPL,
  threadingmodel: KPL,
  threadpoolsize: KPL,
  aggregationmaxcount: KPL,
  aggregationmaxsize: KPL,
};

/** What an unknown field is here that others call so; undefined for a name that nobody is known to use. */
export function otherName(name: string): OtherName | undefined {
  const lower = name.toLowerCase();
  return Object.hasOwn(OTHER_NAMES, lower) ? OTHER_NAMES[lower] : undefined;
}
