import { type BadManifest, config, pulsar } from "./bad-manifest.ts";

const limits = (list: { readonly [name: string]: string }) => ({ spec: { pod: { resources: { limits: list } } } });

/** Values of the right idea in the wrong form: the error shows the right one. */
const wrongForms: readonly BadManifest[] = [
  {
    name: "milliseconds with their unit",
    patch: { spec: { lingerMillis: "100ms" } },
    field: "spec.lingerMillis",
    message: "write 100: milliseconds",
    server: ["spec.lingerMillis", "must be of type integer"],
  },
  {
    name: "seconds with their unit for milliseconds",
    patch: config({ requestTimeout: "6s" }),
    field: "spec.config.requestTimeout",
    message: "write 6000: milliseconds",
    server: ["spec.config.requestTimeout", "must be of type integer"],
  },
  {
    name: "a duration in words",
    patch: config({ requestTimeout: "a minute" }),
    field: "spec.config.requestTimeout",
    message: "write a number of milliseconds",
    server: ["spec.config.requestTimeout", "must be of type integer"],
  },
  {
    name: "seconds for milliseconds",
    patch: config({ requestTimeout: 6 }),
    field: "spec.config.requestTimeout",
    message: "must be between 100 and 600000 milliseconds: did you mean 6000?",
    server: ["spec.config.requestTimeout", "should be greater than or equal to 100"],
  },
  {
    name: "seconds for milliseconds that have no upper limit",
    patch: config({ recordTtl: 30 }),
    field: "spec.config.recordTtl",
    message: "must be at least 100 milliseconds: did you mean 30000?",
    server: ["spec.config.recordTtl", "should be greater than or equal to 100"],
  },
  {
    name: "a timeout of hours",
    patch: config({ requestTimeout: 6_000_000 }),
    field: "spec.config.requestTimeout",
    message: "must be between 100 and 600000 milliseconds",
    server: ["spec.config.requestTimeout", "should be less than or equal to 600000"],
  },
  {
    name: "a share with a percent sign",
    patch: config({ rateLimit: "150%" }),
    field: "spec.config.rateLimit",
    message: "write 150: percent",
    server: ["spec.config.rateLimit", "must be of type integer"],
  },
  {
    name: "megabytes for bytes",
    patch: config({ collectionMaxSize: "5MiB" }),
    field: "spec.config.collectionMaxSize",
    message: "write 5242880: bytes",
    server: ["spec.config.collectionMaxSize", "must be of type integer"],
  },
  {
    name: "a word for a boolean",
    patch: config({ retainOrdering: "please" }),
    field: "spec.config.retainOrdering",
    message: "write true or false, without quotes",
    server: ["spec.config.retainOrdering", "must be of type boolean"],
  },
  {
    name: "a number for a boolean",
    patch: config({ retainOrdering: 1 }),
    field: "spec.config.retainOrdering",
    message: "must be a boolean: write true or false",
    server: ["spec.config.retainOrdering", "must be of type boolean"],
  },
  {
    name: "a subscription by its name alone",
    patch: pulsar({ subscription: "public/default/orders" }),
    field: "spec.pulsar.subscription",
    message: "write subscription: { name: … }",
    server: ["spec.pulsar.subscription", "must be of type object"],
  },
  {
    name: "a dead-letter topic by its name alone",
    patch: { spec: { deadLetter: "persistent://public/default/dead" } },
    field: "spec.deadLetter",
    message: "write deadLetter: { topic: … }",
    server: ["spec.deadLetter", "must be of type object"],
  },
  {
    name: "a token in place of the Secret that holds it",
    patch: pulsar({ auth: { token: "eyJhbGciOiJIUzI1NiJ9.e30.x" } }),
    field: "spec.pulsar.auth.token",
    message: "write token: { name: SECRET }, to name the Secret that holds it: never the value itself",
    server: ["spec.pulsar.auth.token", "must be of type object"],
  },
  {
    name: "one topic without brackets",
    patch: pulsar({ topics: "persistent://public/default/orders" }),
    field: "spec.pulsar.topics",
    message: "write topics: [ … ], also for a single one",
    server: ["spec.pulsar.topics", "must be of type array"],
  },
  {
    name: "several streams",
    patch: config({ awsKinesisStreamName: ["orders", "clicks"] }),
    field: "spec.config.awsKinesisStreamName",
    message: "must be a string, not an array: give one",
    server: ["spec.config.awsKinesisStreamName", "must be of type string"],
  },
  {
    name: "a credential parameter as an object",
    patch: {
      spec: {
        config: { awsCredentialPluginParam: { accessKey: "AKIASECRET", secretKey: "s3cr3tvalue" } },
        secrets: { awsCredentialPluginParam: null },
      },
    },
    field: "spec.config.awsCredentialPluginParam",
    message: "must be a string, not an object: name a Secret key that holds it",
    // it is read before it is held to the schema
    server: ['unknown field "spec.config.awsCredentialPluginParam.accessKey"'],
  },
  {
    name: "memory in MB",
    patch: limits({ memory: "512MB" }),
    field: "spec.pod.resources.limits.memory",
    message: "did you mean 512Mi?",
    server: ["spec.pod.resources.limits.memory", "should match"],
  },
  {
    name: "CPU in cores",
    patch: limits({ cpu: "0.5cores" }),
    field: "spec.pod.resources.limits.cpu",
    message: "did you mean 500m?",
    server: ["spec.pod.resources.limits.cpu", "should match"],
  },
  {
    name: "a name that no object can have",
    patch: { metadata: { name: "Orders_1" } },
    field: "metadata.name",
    message: "lower-case letters, digits, '-' and '.': did you mean orders-1?",
    server: ["metadata.name", "RFC 1123"],
  },
  {
    name: "a region with two letters in the wrong order",
    patch: config({ awsRegion: "us-wset-2" }),
    field: "spec.config.awsRegion",
    message: "awsRegion is no region of AWS",
  },
];

const unknown = (name: string, patch: BadManifest["patch"], field: string, message: string): BadManifest => ({
  name,
  patch,
  field,
  message,
  server: [`unknown field "${field}"`],
  strictOnly: true,
});

/** Fields by the names that they have in Pulsar IO, Function Mesh, the producer library or Pulsar's clients. */
const otherNames: readonly BadManifest[] = [
  unknown(
    "a subscription's name as Function Mesh has it",
    pulsar({ subscriptionName: "public/default/orders" }),
    "spec.pulsar.subscriptionName",
    "did you mean spec.pulsar.subscription.name?",
  ),
  unknown(
    "the producer library's buffered time",
    config({ recordMaxBufferedTime: 100 }),
    "spec.config.recordMaxBufferedTime",
    "did you mean spec.lingerMillis?",
  ),
  unknown(
    "a stream's endpoint by another name",
    config({ kinesisEndpoint: "kinesis.example.com" }),
    "spec.config.kinesisEndpoint",
    "did you mean awsEndpoint?",
  ),
  unknown(
    "a connector's class",
    { spec: { className: "org.apache.pulsar.io.kinesis.KinesisSink" } },
    "spec.className",
    "remove it, it names the connector's program",
  ),
  unknown(
    "a connector's properties",
    { spec: { sinkConfig: { awsRegion: "us-west-2" } } },
    "spec.sinkConfig",
    "did you mean config?",
  ),
  unknown("a connector's topics", { spec: { inputs: ["orders"] } }, "spec.inputs", "did you mean spec.pulsar.topics?"),
  unknown(
    "a connector's number of instances",
    { spec: { parallelism: 2 } },
    "spec.parallelism",
    "did you mean replicas?",
  ),
  unknown(
    "a number of retries",
    { spec: { maxMessageRetries: 3 } },
    "spec.maxMessageRetries",
    "what may pass is retried for ever",
  ),
  unknown("one topic under the singular", pulsar({ topic: "orders" }), "spec.pulsar.topic", "did you mean topics?"),
  unknown(
    "a part of the spec beside it",
    { config: { awsRegion: "us-west-2" } },
    "config",
    "did you mean spec.config?",
  ),
];

export const badFormManifests: readonly BadManifest[] = [...wrongForms, ...otherNames];
