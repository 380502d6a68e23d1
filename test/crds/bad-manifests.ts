import { goodManifest, type Json, mergePatch } from "./good-manifest.ts";

/** A manifest that must be refused, before it reaches a cluster and by it. */
export interface BadManifest {
  /** What is wrong with it. */
  readonly name: string;
  /** Merge patch on the good manifest. */
  readonly patch: Json;
  /** Field that the error names. */
  readonly field: string;
  /** Part of the message: what to do. */
  readonly message: string;
  /**
   * What `kubectl apply` prints instead of `field` and `message`, where the API server has words of its own. The twins of
   * CEL rules use the same words.
   */
  readonly server?: readonly string[];
  /** True when only strict clients, as `kubectl` is, have it refused: others get a warning and the field is dropped. */
  readonly strictOnly?: true;
}

const config = (fields: { readonly [name: string]: Json }): Json => ({ spec: { config: fields } });
const pulsar = (fields: { readonly [name: string]: Json }): Json => ({ spec: { pulsar: fields } });
const noSecret = { awsCredentialPluginParam: null };

const unknownFields: readonly BadManifest[] = [
  {
    name: "a misspelt property",
    patch: config({ awsRegon: "us-west-2" }),
    field: "spec.config.awsRegon",
    message: "did you mean awsRegion?",
    server: ['unknown field "spec.config.awsRegon"'],
    strictOnly: true,
  },
  {
    name: "a property of the connector outside spec.config",
    patch: { spec: { awsEndpoint: "kinesis.example.com" } },
    field: "spec.awsEndpoint",
    message: "did you mean spec.config.awsEndpoint?",
    server: ['unknown field "spec.awsEndpoint"'],
    strictOnly: true,
  },
  {
    name: "an unknown field of a Secret's reference",
    patch: { spec: { secrets: { awsCredentialPluginParam: { namespace: "other" } } } },
    field: "spec.secrets.awsCredentialPluginParam.namespace",
    message: "remove it, or use one of name, key",
    server: ['unknown field "spec.secrets.awsCredentialPluginParam.namespace"'],
    strictOnly: true,
  },
];

const stream: readonly BadManifest[] = [
  {
    name: "no stream",
    patch: config({ awsKinesisStreamName: null }),
    field: "spec.config.awsKinesisStreamName",
    message: "is required: name of the Kinesis data stream",
    server: ["spec.config.awsKinesisStreamName: Required value"],
  },
  {
    name: "an empty stream name",
    patch: config({ awsKinesisStreamName: "" }),
    field: "spec.config.awsKinesisStreamName",
    message: "must not be empty",
    server: ["spec.config.awsKinesisStreamName", "should be at least 1 chars long"],
  },
  {
    name: "a stream name with a blank",
    patch: config({ awsKinesisStreamName: "my orders" }),
    field: "spec.config.awsKinesisStreamName",
    message: "must be a stream's name",
  },
  {
    name: "an ARN of something other than a stream",
    patch: config({ awsKinesisStreamName: "arn:aws:firehose:us-west-2:123456789012:deliverystream/orders" }),
    field: "spec.config.awsKinesisStreamName",
    message: "or its ARN (arn:aws:kinesis:REGION:ACCOUNT:stream/NAME)",
  },
  {
    name: "neither region nor endpoint",
    patch: config({ awsRegion: null }),
    field: "spec.config.awsRegion",
    message: "awsRegion is required unless awsEndpoint is set",
  },
  {
    name: "an empty region and an empty endpoint",
    patch: config({ awsRegion: "", awsEndpoint: "" }),
    field: "spec.config.awsRegion",
    message: "awsRegion is required unless awsEndpoint is set",
  },
  {
    name: "a region in words",
    patch: config({ awsRegion: "US West (Oregon)" }),
    field: "spec.config.awsRegion",
    message: "must be the code of an AWS region in lower case",
  },
  {
    name: "another region than the stream's ARN",
    patch: config({ awsKinesisStreamName: "arn:aws:kinesis:eu-west-1:123456789012:stream/orders" }),
    field: "spec.config.awsRegion",
    message: "awsRegion is not the region in the stream's ARN",
  },
  {
    name: "an endpoint with a path",
    patch: config({ awsEndpoint: "https://kinesis.example.com/kinesis" }),
    field: "spec.config.awsEndpoint",
    message: "must be a host or an http(s) URL without a path",
  },
  {
    name: "an endpoint's port given twice",
    patch: config({ awsEndpoint: "https://kinesis.example.com:4567", awsEndpointPort: 4568 }),
    field: "spec.config.awsEndpointPort",
    message: "the port is given twice",
  },
  {
    name: "an endpoint's port in quotes",
    patch: config({ awsEndpoint: "kinesis.example.com", awsEndpointPort: "4567" }),
    field: "spec.config.awsEndpointPort",
    message: "must be an integer, not a string: remove the quotes",
    server: ["spec.config.awsEndpointPort", "must be of type integer"],
  },
  {
    name: "an endpoint's port that is none",
    patch: config({ awsEndpoint: "kinesis.example.com", awsEndpointPort: 70000 }),
    field: "spec.config.awsEndpointPort",
    message: "must be between 1 and 65535",
    server: ["spec.config.awsEndpointPort", "should be less than or equal to 65535"],
  },
  {
    name: "no certificate check on AWS itself",
    patch: config({ skipCertificateValidation: true }),
    field: "spec.config.skipCertificateValidation",
    message: "skipCertificateValidation is for local tests against awsEndpoint",
  },
  {
    name: "an initial delay above the longest",
    patch: config({ retryInitialDelayInMillis: 5000, retryMaxDelayInMillis: 1000 }),
    field: "spec.config.retryInitialDelayInMillis",
    message: "must not exceed retryMaxDelayInMillis",
  },
  {
    name: "an initial delay above the default of the longest",
    patch: config({ retryInitialDelayInMillis: 60001 }),
    field: "spec.config.retryInitialDelayInMillis",
    message: "must not exceed retryMaxDelayInMillis",
  },
  {
    name: "a format in lower case",
    patch: config({ messageFormat: "full_message_in_json" }),
    field: "spec.config.messageFormat",
    message: "did you mean FULL_MESSAGE_IN_JSON?",
    server: ["spec.config.messageFormat: Unsupported value", "FULL_MESSAGE_IN_JSON"],
  },
  {
    name: "a boolean in quotes",
    patch: config({ retainOrdering: "true" }),
    field: "spec.config.retainOrdering",
    message: "must be a boolean, not a string: remove the quotes",
    server: ["spec.config.retainOrdering", "must be of type boolean"],
  },
  {
    name: "more records in a request than Kinesis takes",
    patch: config({ collectionMaxCount: 501 }),
    field: "spec.config.collectionMaxCount",
    message: "must be between 1 and 500",
    server: ["spec.config.collectionMaxCount", "should be less than or equal to 500"],
  },
  {
    name: "a rate limit of 0",
    patch: config({ rateLimit: 0 }),
    field: "spec.config.rateLimit",
    message: "must be between 1 and 100000",
    server: ["spec.config.rateLimit", "should be greater than or equal to 1"],
  },
  {
    name: "a fraction of a connection",
    patch: config({ maxConnections: 1.5 }),
    field: "spec.config.maxConnections",
    message: "must be an integer",
    server: ["spec.config.maxConnections", "must be of type integer"],
  },
];

const credentials: readonly BadManifest[] = [
  {
    name: "no credentials",
    patch: { spec: { secrets: noSecret } },
    field: "spec.config.awsCredentialPluginName",
    message: "name a Secret key that holds",
  },
  {
    name: "the parameter inline and in a Secret",
    patch: config({ awsCredentialPluginParam: '{"accessKey":"a","secretKey":"b"}' }),
    field: "spec.config.awsCredentialPluginParam",
    message: "awsCredentialPluginParam is given twice",
  },
  {
    name: "an inline parameter that is no JSON object",
    patch: { spec: { config: { awsCredentialPluginParam: "accessKey=a,secretKey=b" }, secrets: noSecret } },
    field: "spec.config.awsCredentialPluginParam",
    message: "must be a JSON object in a string",
  },
  {
    name: "a credential plugin of one's own",
    patch: config({ awsCredentialPluginName: "com.example.VaultPlugin" }),
    field: "spec.config.awsCredentialPluginName",
    message: "other plugins are Java classes and cannot be loaded here",
  },
  {
    name: "a role to assume that is not given",
    patch: {
      spec: {
        config: { awsCredentialPluginName: "org.apache.pulsar.io.aws.STSAssumeRoleProviderPlugin" },
        secrets: noSecret,
      },
    },
    field: "spec.config.awsCredentialPluginParam",
    message: "STSAssumeRoleProviderPlugin needs",
  },
  {
    name: "an STS endpoint's port given twice",
    patch: config({ awsStsEndpoint: "sts.example.com:443", awsStsPort: 443 }),
    field: "spec.config.awsStsPort",
    message: "the port is given twice",
  },
  {
    name: "an STS endpoint with a path",
    patch: config({ awsStsEndpoint: "https://sts.example.com/sts" }),
    field: "spec.config.awsStsEndpoint",
    message: "must be a host or an http(s) URL without a path",
  },
  {
    name: "a Secret without its key",
    patch: { spec: { secrets: { awsCredentialPluginParam: { key: null } } } },
    field: "spec.secrets.awsCredentialPluginParam.key",
    message: "is required: key in the Secret",
    server: ["spec.secrets.awsCredentialPluginParam.key: Required value"],
  },
  {
    name: "a Secret's name that no Secret can have",
    patch: { spec: { secrets: { awsCredentialPluginParam: { name: "AWS_Orders" } } } },
    field: "spec.secrets.awsCredentialPluginParam.name",
    message: "must be the name of a Kubernetes object",
    server: ["spec.secrets.awsCredentialPluginParam.name", "should match"],
  },
];

const source: readonly BadManifest[] = [
  {
    name: "no source",
    patch: { spec: { pulsar: null } },
    field: "spec.pulsar",
    message: "is required: where the messages come from",
    server: ["spec.pulsar: Required value"],
  },
  {
    name: "the admin address as service URL",
    patch: pulsar({ serviceUrl: "http://pulsar:8080" }),
    field: "spec.pulsar.serviceUrl",
    message: "an http address belongs in adminUrl",
  },
  {
    name: "a scheme for each of several brokers",
    patch: pulsar({ serviceUrl: "pulsar://a:6650,pulsar://b:6650" }),
    field: "spec.pulsar.serviceUrl",
    message: "several hosts separated by commas",
  },
  {
    name: "the brokers' address as admin URL",
    patch: pulsar({ adminUrl: "pulsar://pulsar:6650" }),
    field: "spec.pulsar.adminUrl",
    message: "a pulsar:// address belongs in serviceUrl",
  },
  {
    name: "neither topics nor a pattern",
    patch: pulsar({ topics: null }),
    field: "spec.pulsar.topics",
    message: "exactly one of topics and topicsPattern must be given",
  },
  {
    name: "no topics and an empty pattern",
    patch: pulsar({ topics: [], topicsPattern: "" }),
    field: "spec.pulsar.topics",
    message: "exactly one of topics and topicsPattern must be given",
  },
  {
    name: "topics and a pattern",
    patch: pulsar({ topicsPattern: "persistent://public/default/orders-.*" }),
    field: "spec.pulsar.topics",
    message: "exactly one of topics and topicsPattern must be given",
  },
  {
    name: "a pattern without a namespace",
    patch: pulsar({ topics: null, topicsPattern: "orders-.*" }),
    field: "spec.pulsar.topicsPattern",
    message: "must be persistent://tenant/namespace/REGEX",
  },
  {
    name: "a non-persistent topic",
    patch: pulsar({ topics: ["orders", "non-persistent://public/default/clicks"] }),
    field: "spec.pulsar.topics[1]",
    message: "non-persistent topics keep nothing for a subscription",
  },
  {
    name: "a topic without its namespace",
    patch: pulsar({ topics: ["public/orders"] }),
    field: "spec.pulsar.topics[0]",
    message: "must be persistent://tenant/namespace/topic",
  },
  {
    name: "a topic twice",
    patch: pulsar({ topics: ["orders", "orders"] }),
    field: "spec.pulsar.topics",
    message: "remove the repeated entry",
    server: ["spec.pulsar.topics[1]: Duplicate value"],
  },
  {
    name: "topics as a string",
    patch: pulsar({ topics: "orders" }),
    field: "spec.pulsar.topics",
    message: "must be an array",
    server: ["spec.pulsar.topics", "must be of type array"],
  },
  {
    name: "an unknown client",
    patch: pulsar({ client: "WebSocket" }),
    field: "spec.pulsar.client",
    message: "must be one of Auto, Wire, Native",
    server: ["spec.pulsar.client: Unsupported value", '"Wire"'],
  },
  {
    name: "decryption by the Wire client",
    patch: pulsar({ client: "Wire", encryption: { privateKeys: { name: "keys" } } }),
    field: "spec.pulsar.client",
    message: "the Wire client cannot decrypt",
  },
  {
    name: "a subscription's name with a blank",
    patch: pulsar({ subscription: { name: "to kinesis" } }),
    field: "spec.pulsar.subscription.name",
    message: "must not contain blanks",
  },
  {
    name: "a queue of no messages",
    patch: pulsar({ receiverQueueSize: 0 }),
    field: "spec.pulsar.receiverQueueSize",
    message: "must be between 1 and 100000",
    server: ["spec.pulsar.receiverQueueSize", "should be greater than or equal to 1"],
  },
  {
    name: "two kinds of authentication",
    patch: pulsar({ auth: { token: { name: "token" }, basic: { name: "user" } } }),
    field: "spec.pulsar.auth",
    message: "at most one of token, oauth2, tls and basic may be given",
  },
  {
    name: "a token in the resource itself",
    patch: pulsar({ auth: { token: "eyJhbGciOiJIUzI1NiJ9" } }),
    field: "spec.pulsar.auth.token",
    message: "must be an object",
    server: ["spec.pulsar.auth.token", "must be of type object"],
  },
  {
    name: "a client certificate on a plain connection",
    patch: pulsar({ auth: { tls: { name: "client" } } }),
    field: "spec.pulsar.auth.tls",
    message: "a client certificate needs TLS",
  },
  {
    name: "an OAuth 2.0 issuer that is no URL",
    patch: pulsar({ auth: { oauth2: { issuerUrl: "auth.example.com", credentials: { name: "client" } } } }),
    field: "spec.pulsar.auth.oauth2.issuerUrl",
    message: "must be the https:// URL of the OAuth 2.0 issuer",
  },
  {
    name: "a CA for a plain connection",
    patch: pulsar({ tls: { ca: { secret: { name: "ca" } } } }),
    field: "spec.pulsar.tls",
    message: "tls has no effect on a plain connection",
  },
  {
    name: "a CA from two places",
    patch: pulsar({
      serviceUrl: "pulsar+ssl://pulsar:6651",
      tls: { ca: { secret: { name: "ca" }, configMap: { name: "ca" } } },
    }),
    field: "spec.pulsar.tls.ca",
    message: "exactly one of secret and configMap must be given",
  },
];

const rest: readonly BadManifest[] = [
  {
    name: "a name that is too long for labels",
    patch: { metadata: { name: "orders-of-all-european-shops-to-the-lake-01" } },
    field: "metadata.name",
    message: "must be at most 40 characters",
  },
  {
    name: "a version that does not exist",
    patch: { apiVersion: "pulsar-kinesis.io/v1" },
    field: "apiVersion",
    message: "must be one of pulsar-kinesis.io/v1alpha1",
    server: ['no matches for kind "KinesisSink" in version "pulsar-kinesis.io/v1"'],
  },
  {
    name: "no spec",
    patch: { spec: null },
    field: "spec",
    message: "is required: what to move, from where, to where, and how",
    server: ["spec: Required value"],
  },
  {
    name: "dead letters into a topic that is read",
    patch: {
      spec: { pulsar: { topics: ["orders", "clicks"] }, deadLetter: { topic: "persistent://public/default/clicks" } },
    },
    field: "spec.deadLetter.topic",
    message: "dead letters would come back for ever",
  },
  {
    name: "dead letters into a non-persistent topic",
    patch: { spec: { deadLetter: { topic: "non-persistent://public/default/dead" } } },
    field: "spec.deadLetter.topic",
    message: "must be persistent://tenant/namespace/topic",
  },
  {
    name: "an order for keyless messages that are spread",
    patch: { spec: { keyless: "Spread", config: { retainOrdering: true } } },
    field: "spec.keyless",
    message: "keyless: Spread gives up the order",
  },
  {
    name: "more replicas than one sink may have",
    patch: { spec: { replicas: 101 } },
    field: "spec.replicas",
    message: "must be between 0 and 100",
    server: ["spec.replicas", "should be less than or equal to 100"],
  },
  {
    name: "an unknown log level",
    patch: { spec: { logLevel: "trace" } },
    field: "spec.logLevel",
    message: "must be one of error, warn, info, debug",
    server: ["spec.logLevel: Unsupported value"],
  },
  {
    name: "annotations on somebody else's service account",
    patch: { spec: { serviceAccount: { name: "mine", annotations: { "example.com/a": "b" } } } },
    field: "spec.serviceAccount.annotations",
    message: "annotate the named account yourself",
  },
  {
    name: "a pod label that is the operator's own",
    patch: { spec: { pod: { labels: { "app.kubernetes.io/instance": "mine" } } } },
    field: "spec.pod.labels",
    message: "which are the operator's own",
  },
  {
    name: "a quantity with a unit that is none",
    patch: { spec: { pod: { resources: { limits: { memory: "1 GB" } } } } },
    field: "spec.pod.resources.limits.memory",
    message: "must be a quantity, for example 100m or 512Mi",
    server: ["spec.pod.resources.limits.memory", "should match"],
  },
  {
    name: "an environment variable twice",
    patch: {
      spec: {
        pod: {
          env: [
            { name: "HTTPS_PROXY", value: "a" },
            { name: "HTTPS_PROXY", value: "b" },
          ],
        },
      },
    },
    field: "spec.pod.env",
    message: "must not have two entries with the same name",
    server: ["spec.pod.env[1]: Duplicate value"],
  },
  {
    name: "no time to stop",
    patch: { spec: { pod: { terminationGracePeriodSeconds: 0 } } },
    field: "spec.pod.terminationGracePeriodSeconds",
    message: "must be between 1 and 3600",
    server: ["spec.pod.terminationGracePeriodSeconds", "should be greater than or equal to 1"],
  },
];

export const badManifests: readonly BadManifest[] = [...unknownFields, ...stream, ...credentials, ...source, ...rest];

/** The whole manifest, as it would be applied. */
export function badManifest({ patch }: BadManifest): Json {
  return mergePatch(goodManifest, patch);
}

/** What `kubectl apply` must print when it refuses the manifest. */
export function serverWords({ field, message, server }: BadManifest): readonly string[] {
  return server ?? [field, message];
}
