// Generated from crds/kinesissinks.yaml by `make generate`: edit that file instead.
import type {ObjectMeta} from "./metadata.ts";
import type {ConditionStatus, ConditionType, WorkerState} from "./status-values.ts";

/**
 * What a Kinesis record holds. ONLY_RAW_PAYLOAD: the payload's bytes. FULL_MESSAGE_IN_JSON: JSON with the payload in base64, the properties and the encryption context. FULL_MESSAGE_IN_FB: the same in FlatBuffers. FULL_MESSAGE_IN_JSON_EXPAND_VALUE: JSON with topic, key, properties, event time and the payload decoded by the topic's schema.
 */
export type MessageFormat =
  "ONLY_RAW_PAYLOAD" | "FULL_MESSAGE_IN_JSON" | "FULL_MESSAGE_IN_FB" | "FULL_MESSAGE_IN_JSON_EXPAND_VALUE";
/**
 * Partition key of messages without a key. TopicName: the topic's name, as Pulsar's own Kinesis sink does, so all of a topic partition's messages go to one shard. Spread: they are spread over all shards (only without retainOrdering).
 */
export type Keyless = "TopicName" | "Spread";
/**
 * Pulsar client of the workers. Wire: the built-in client, fast and small, which can do all that the resource offers. Native: the pulsar-client library, which the image must contain; with retainOrdering it needs adminUrl, and 100 MiB of memory for each topic partition. Auto: Wire.
 */
export type PulsarClientChoice = "Auto" | "Wire" | "Native";
/**
 * How much the workers log. A change reaches a running worker with the answer to its next report, without a restart.
 */
export type LogLevel = "error" | "warn" | "info" | "debug";

/**
 * Moves the messages of Apache Pulsar topics into an Amazon Kinesis data stream. The operator runs a Deployment of workers for it; each worker reports in status.workers.
 */
export interface KinesisSink {
  apiVersion: "pulsar-kinesis.io/v1alpha1";
  kind: "KinesisSink";
  /**
   * Kubernetes' own part of the resource.
   */
  metadata: ObjectMeta;
  spec: KinesisSinkSpec;
  status: KinesisSinkStatus;
}
/**
 * What to move, from where, to where, and how.
 */
export interface KinesisSinkSpec {
  config: KinesisSinkConfig;
  secrets?: KinesisSinkSecrets;
  keyless: Keyless;
  /**
   * Milliseconds that a message may wait for others of its shard, so that an aggregate carries more of them and fewer PUT payload units are paid for. It is less when an aggregate is full before, or when half of the memory for messages is in use. 0: messages wait only while an answer of their shard is awaited, and up to 10 ms while others are likely to come. No effect without aggregation.
   */
  lingerMillis: number;
  pulsar: PulsarSource;
  /**
   * How the workers reach AWS, as far as Pulsar's own Kinesis sink has no property for it.
   */
  aws?: {
    /**
     * Certificate authorities to trust beside those of the worker's image, in PEM: for an awsEndpoint or awsStsEndpoint, a VPC endpoint or a gateway whose certificate a private authority signed.
     */
    ca?: {
      secret?: CaSecretReference;
      configMap?: CaConfigMapReference;
    };
  };
  deadLetter?: DeadLetter;
  /**
   * Number of workers. With retainOrdering, workers beyond the number of topic partitions stand by. 0 stops the sink, as paused does, also with spec.autoscaling, beside which every other number has no effect.
   */
  replicas: number;
  /**
   * The operator chooses the number of workers by what waits. Absent means spec.replicas. The number that it has chosen is in status.autoscaling. Not together with a HorizontalPodAutoscaler or KEDA, which scale this resource by themselves.
   */
  autoscaling?: {
    /**
     * Fewest workers. To stop the sink, set spec.paused, or spec.replicas to 0.
     */
    minReplicas: number;
    /**
     * Most workers. With retainOrdering, those beyond the number of topic partitions stand by.
     */
    maxReplicas: number;
    /**
     * Age, in seconds, that the oldest message which waits should not exceed. With spec.pulsar.adminUrl it is looked for in the backlog; without, only among the messages that the workers hold. Beside targetBacklogMessages, the target that asks for more workers counts.
     */
    targetLagSeconds?: number;
    /**
     * What may wait in the subscription for each worker, counted as status.totals.backlog counts: a batch of a producer is one. Needs spec.pulsar.adminUrl.
     */
    targetBacklogMessages?: number;
    /**
     * Seconds for which a target must be exceeded without a break before workers are added. At least two reports of the workers are awaited.
     */
    scaleUpStabilizationSeconds: number;
    /**
     * Seconds for which fewer workers must do without a break before some are taken away; of the numbers that would have done meanwhile the highest counts. At least four reports of the workers are awaited, as one that has fallen silent shows after three.
     */
    scaleDownStabilizationSeconds: number;
  };
  /**
   * Stop moving messages and keep everything else, the place in the topics included. The messages wait in Pulsar, within the namespace's limits for backlog and time to live.
   */
  paused: boolean;
  /**
   * Delete the subscription when this resource is deleted, which is gone only then. True puts a finalizer on the resource: once it is deleted, its workers stop, and a Job in their image deletes the subscription from every topic partition. Set to false on a resource that is being deleted, it lets it go. False keeps the subscription, and with it the backlog that grows in Pulsar. No effect where the whole namespace is deleted.
   */
  cleanupSubscription: boolean;
  /**
   * The operator that is to reconcile this sink, where several run: the operatorClass of its chart. Unset means the one of the class default. The operator of another class leaves the sink alone; when the class changes, the new one takes the sink's objects over as they are, and the workers go on.
   */
  class?: string;
  logLevel: LogLevel;
  serviceAccount?: WorkerServiceAccount;
  pod: WorkerPod;
}
/**
 * Properties of the Kinesis sink, by the names that Pulsar's own Kinesis sink connector gives them, so that an existing configuration can be moved here as it is. An empty string means unset.
 */
export interface KinesisSinkConfig {
  /**
   * Name of the Kinesis data stream, or its ARN (arn:aws:kinesis:REGION:ACCOUNT:stream/NAME). The stream must exist.
   */
  awsKinesisStreamName: string;
  /**
   * AWS region of the stream, for example us-west-2. Required unless awsEndpoint is set.
   */
  awsRegion?: string;
  /**
   * Custom Kinesis endpoint, for example a VPC endpoint or a local emulator: a host, or a URL such as https://host:4567. Without a scheme, https is used. Empty means the endpoint of awsRegion.
   */
  awsEndpoint?: string;
  /**
   * Port of awsEndpoint, when the endpoint itself does not give one. Unset means the scheme's own port.
   */
  awsEndpointPort?: number;
  /**
   * How the workers find AWS credentials. Empty: the access key in awsCredentialPluginParam. org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin: the default chain (environment, web identity of the service account, EKS pod identity, container, instance metadata, profile). org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin: the default chain, then the role in awsCredentialPluginParam. The names under org.apache.pulsar.io.aws mean the same.
   */
  awsCredentialPluginName?: string;
  /**
   * JSON parameter of the credentials, in the resource itself: {"accessKey":"…","secretKey":"…"} (sessionToken is optional) or, for STSAssumeRoleProviderPlugin, {"roleArn":"…","roleSessionName":"…"} (externalId is optional). For a trial only: whoever may read the KinesisSink can read it. Use spec.secrets.awsCredentialPluginParam instead.
   */
  awsCredentialPluginParam?: string;
  /**
   * Custom STS endpoint for STSAssumeRoleProviderPlugin, a host or a URL. Empty means the endpoint of awsRegion.
   */
  awsStsEndpoint?: string;
  /**
   * Port of awsStsEndpoint, when the endpoint itself does not give one.
   */
  awsStsPort?: number;
  /**
   * Keep the order of the messages of each key. The topics are then read through a Failover subscription, so no more replicas than topic partitions do work. False: a Shared subscription, in which failed records are retried while others flow past them.
   */
  retainOrdering: boolean;
  messageFormat: MessageFormat;
  /**
   * Leave fields that are null out of the JSON. FULL_MESSAGE_IN_JSON_EXPAND_VALUE only.
   */
  jsonIncludeNonNulls: boolean;
  /**
   * Write nested objects and arrays as one flat object with paths such as a.b[0].c. FULL_MESSAGE_IN_JSON_EXPAND_VALUE only.
   */
  jsonFlatten: boolean;
  /**
   * Longest first delay, in milliseconds, before a failed record is sent again: it is drawn between 0 and this, so that workers do not try in step. It doubles with each attempt.
   */
  retryInitialDelayInMillis: number;
  /**
   * Longest delay, in milliseconds, between attempts. Retries never end.
   */
  retryMaxDelayInMillis: number;
  /**
   * Accept any certificate from awsEndpoint. For local tests only.
   */
  skipCertificateValidation: boolean;
  /**
   * Put several messages into one Kinesis record in the format of the Kinesis Producer Library, which costs far fewer PUT units. Consumers that use the Kinesis Client Library see single messages; switch it off for consumers that do not deaggregate.
   */
  aggregationEnabled: boolean;
  /**
   * Most Kinesis records in one PutRecords request.
   */
  collectionMaxCount: number;
  /**
   * Most bytes in one PutRecords request, partition keys included. A larger record goes in a request of its own.
   */
  collectionMaxSize: number;
  /**
   * Parallel connections to Kinesis per worker.
   */
  maxConnections: number;
  /**
   * Milliseconds until connecting to Kinesis is given up and tried again.
   */
  connectTimeout: number;
  /**
   * Milliseconds until a request, up to the last byte of its answer, is given up and its records are sent again.
   */
  requestTimeout: number;
  /**
   * Percent of a shard's limits (1,000 records and 1 MiB per second) that one worker may try to use. Over 100 lets a worker find the limit by being throttled; with several workers give each its part.
   */
  rateLimit: number;
  /**
   * Milliseconds after which a message that Kinesis has not accepted counts as overdue, in the workers' metric kinesis_sink_overdue_messages. It is retried on, never dropped.
   */
  recordTtl: number;
  /**
   * Endpoint for the producer library's CloudWatch metrics. Accepted and reported in status.ignoredProperties: the workers publish Prometheus metrics.
   */
  cloudwatchEndpoint?: string;
  /**
   * Internal to the Kinesis Producer Library. Accepted and reported in status.ignoredProperties.
   */
  minConnections?: number;
  /**
   * Internal to the Kinesis Producer Library. Accepted and reported in status.ignoredProperties.
   */
  credentialsRefreshDelay?: number;
  /**
   * Internal to the Kinesis Producer Library. Accepted and reported in status.ignoredProperties.
   */
  nativeExecutable?: string;
  /**
   * Internal to the Kinesis Producer Library. Accepted and reported in status.ignoredProperties. Instead of its recordMaxBufferedTime there is spec.lingerMillis.
   */
  extraKinesisProducerConfig?: {
    [k: string]: {
      [k: string]: unknown;
    };
  };
}
/**
 * Properties of spec.config that are kept in Secrets of the sink's namespace.
 */
export interface KinesisSinkSecrets {
  awsCredentialPluginParam?: SecretKeyReference;
}
/**
 * Secret and key that hold awsCredentialPluginParam as JSON. A change of the Secret is picked up without a restart.
 */
export interface SecretKeyReference {
  /**
   * Name of the Secret, in the sink's namespace.
   */
  name: string;
  /**
   * Key in the Secret.
   */
  key: string;
}
/**
 * Where the messages come from.
 */
export interface PulsarSource {
  client: PulsarClientChoice;
  /**
   * Address of the brokers or of a proxy: pulsar://host:6650, or pulsar+ssl://host:6651 with TLS. Several hosts are separated by commas and tried in turn.
   */
  serviceUrl: string;
  /**
   * Name of the brokers' advertised listener whose addresses the workers connect to, where brokers have several (advertisedListeners). serviceUrl must be of the same listener. Unset means the brokers' own default.
   */
  listenerName?: string;
  /**
   * Address of Pulsar's admin REST API, for example http://pulsar:8080. Optional: without it status.totals.backlog stays empty. The Native client needs it with retainOrdering, and for topics with several schema versions.
   */
  adminUrl?: string;
  /**
   * Topics to read: persistent://tenant/namespace/topic, tenant/namespace/topic, or a name in public/default. A partitioned topic stands for all its partitions.
   *
   * @maxItems 200
   */
  topics?: string[];
  /**
   * Instead of topics: persistent://tenant/namespace/REGEX. The namespace is literal, the rest a regular expression that matches the whole topic name, in the syntax of RE2 as with Pulsar's clients; look-arounds and back-references are taken too. Topics that appear later are read too.
   */
  topicsPattern?: string;
  subscription: PulsarSubscription;
  auth?: PulsarAuth;
  tls?: PulsarTls;
  encryption?: PulsarEncryption;
  /**
   * Most messages a worker asks for ahead of delivery, per topic partition: some entries' worth, or the broker reads them one by one. Memory is bounded apart from this.
   */
  receiverQueueSize: number;
}
/**
 * The subscription that keeps the sink's place in the topics.
 */
export interface PulsarSubscription {
  /**
   * Name of the subscription. Unset means NAMESPACE.NAME of this resource. To carry on where Pulsar's own Kinesis sink stopped, give the name of its subscription (tenant/namespace/name unless configured otherwise). Another name starts afresh at initialPosition.
   */
  name?: string;
  /**
   * Where a subscription starts when it is created. Earliest: at the oldest message the topic holds. Latest: at messages published from then on; topics of a pattern and partitions that come later are read from their start, also those that came while no worker ran. An existing subscription carries on at its place.
   */
  initialPosition: "Earliest" | "Latest";
}
/**
 * How the workers authenticate to Pulsar. At most one kind; none means no authentication.
 */
export interface PulsarAuth {
  token?: TokenAuth;
  oauth2?: OAuth2Auth;
  tls?: ClientCertificateAuth;
  basic?: BasicAuth;
}
/**
 * A JSON web token.
 */
export interface TokenAuth {
  /**
   * Name of the Secret, in the sink's namespace.
   */
  name: string;
  /**
   * Key in the Secret that holds the token.
   */
  key: string;
}
/**
 * OAuth 2.0 client credentials.
 */
export interface OAuth2Auth {
  /**
   * URL of the issuer, whose /.well-known/openid-configuration names the token endpoint.
   */
  issuerUrl: string;
  /**
   * Audience to ask the token for.
   */
  audience?: string;
  /**
   * Scopes to ask for, separated by blanks.
   */
  scope?: string;
  credentials: OAuth2CredentialsReference;
}
/**
 * Secret and key that hold the credentials file as JSON, {"client_id":"…","client_secret":"…"}.
 */
export interface OAuth2CredentialsReference {
  /**
   * Name of the Secret, in the sink's namespace.
   */
  name: string;
  /**
   * Key in the Secret.
   */
  key: string;
}
/**
 * A TLS client certificate, for example from cert-manager. The Secret may be rotated.
 */
export interface ClientCertificateAuth {
  /**
   * Name of the Secret, in the sink's namespace.
   */
  name: string;
  /**
   * Key in the Secret that holds the certificate chain in PEM.
   */
  certificateKey: string;
  /**
   * Key in the Secret that holds the private key in PEM.
   */
  privateKeyKey: string;
}
/**
 * User name and password.
 */
export interface BasicAuth {
  /**
   * Name of the Secret, in the sink's namespace.
   */
  name: string;
  /**
   * Key in the Secret that holds the user name.
   */
  usernameKey: string;
  /**
   * Key in the Secret that holds the password.
   */
  passwordKey: string;
}
/**
 * How the workers check Pulsar's certificate, on pulsar+ssl:// and https:// addresses. An OAuth 2.0 issuer is always verified.
 */
export interface PulsarTls {
  ca?: CertificateAuthorities;
  /**
   * Accept any certificate. For local tests only.
   */
  allowInsecureConnection: boolean;
  /**
   * Check that the certificate is for the host that was asked for.
   */
  hostnameVerification: boolean;
}
/**
 * Certificate authorities to trust, in PEM. Unset means those of the worker's image. An OAuth 2.0 issuer is trusted by either.
 */
export interface CertificateAuthorities {
  secret?: CaSecretReference;
  configMap?: CaConfigMapReference;
}
/**
 * A Secret that holds the certificates.
 */
export interface CaSecretReference {
  /**
   * Name of the Secret, in the sink's namespace.
   */
  name: string;
  /**
   * Key that holds the certificates in PEM.
   */
  key: string;
}
/**
 * A ConfigMap that holds the certificates.
 */
export interface CaConfigMapReference {
  /**
   * Name of the ConfigMap, in the sink's namespace.
   */
  name: string;
  /**
   * Key that holds the certificates in PEM.
   */
  key: string;
}
/**
 * Decrypts messages that were encrypted end to end (AES-GCM, its data key encrypted by RSA-OAEP). Without it they are passed on encrypted, with their encryption context where messageFormat has a place for it.
 */
export interface PulsarEncryption {
  privateKeys: PrivateKeysReference;
  /**
   * What to do with a message that cannot be decrypted. Fail: treat it as a message that cannot be delivered (see spec.deadLetter). Consume: pass it on encrypted, as without keys.
   */
  onFailure: "Fail" | "Consume";
}
/**
 * A Secret in which each key is the name of an encryption key and each value its private key, an RSA key in PEM. Keys that are added or replaced are picked up without a restart.
 */
export interface PrivateKeysReference {
  /**
   * Name of the Secret, in the sink's namespace.
   */
  name: string;
}
/**
 * Where messages go that can never be delivered, for example because they exceed the stream's record size. Without it such a message stops its topic partition (retainOrdering) or stays unacknowledged and is tried again (otherwise), and the status names it. Nothing is ever dropped.
 */
export interface DeadLetter {
  /**
   * Topic that receives the message with its payload, key, properties and schema, and the reason in its properties. Never read by topicsPattern.
   */
  topic: string;
}
/**
 * Service account of the workers. Unset means one made for this sink.
 */
export interface WorkerServiceAccount {
  /**
   * An existing service account to use. It is neither changed nor deleted. The one made for this sink goes when no pod uses it any more.
   */
  name?: string;
  /**
   * Annotations of the account made for this sink, for example eks.amazonaws.com/role-arn for IAM roles for service accounts. A change of them makes new pods, which alone take another identity.
   */
  annotations?: {
    [k: string]: string;
  };
}
/**
 * The workers' pods. Fields mean what they mean in a pod's specification.
 */
export interface WorkerPod {
  resources?: ResourceRequirements;
  /**
   * Labels added to the pods.
   */
  labels?: {
    [k: string]: string;
  };
  /**
   * Annotations added to the pods.
   */
  annotations?: {
    [k: string]: string;
  };
  /**
   * Labels that a node must have.
   */
  nodeSelector?: {
    [k: string]: string;
  };
  affinity?: Affinity;
  /**
   * Taints of nodes that the pods tolerate.
   *
   * @maxItems 64
   */
  tolerations?: Toleration[];
  /**
   * How the pods are spread over zones and nodes. Without a labelSelector, the sink's own pods are counted (status.selector).
   *
   * @maxItems 16
   */
  topologySpreadConstraints?: TopologySpreadConstraint[];
  /**
   * Priority class of the pods.
   */
  priorityClassName?: string;
  /**
   * Runtime class of the pods.
   */
  runtimeClassName?: string;
  /**
   * Names and addresses added to the pods' hosts file.
   *
   * @maxItems 64
   */
  hostAliases?: HostAlias[];
  dnsConfig?: DnsConfig;
  /**
   * Volumes added to the pods, for files that neither a Secret nor a ConfigMap of another field brings. Mount them by volumeMounts.
   *
   * @maxItems 32
   */
  volumes?: Volume[];
  /**
   * Where the volumes are mounted in the worker's container.
   *
   * @maxItems 32
   */
  volumeMounts?: VolumeMount[];
  /**
   * Environment variables added to the worker's container. HTTPS_PROXY, HTTP_PROXY (http:// URLs) and NO_PROXY are followed on the way to AWS, to an OAuth 2.0 issuer and to Pulsar's admin API; brokers and the Kubernetes API are reached without a proxy. A Secret used here is not re-read when it changes.
   *
   * @maxItems 64
   */
  env?: EnvVar[];
  /**
   * Image of the worker. Unset means the operator's own image.
   */
  image?: string;
  /**
   * When the image is pulled. Unset means Kubernetes' default for the image's tag.
   */
  imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  /**
   * Secrets for pulling the image.
   *
   * @maxItems 16
   */
  imagePullSecrets?: LocalObjectReference[];
  /**
   * Seconds a worker has, when it is stopped, to deliver and acknowledge what it holds. What it cannot is delivered again by another.
   */
  terminationGracePeriodSeconds: number;
}
/**
 * Resources of the worker's container. Unset means the operator's default for workers, 100m CPU and 256Mi to 512Mi memory unless the chart's values say otherwise.
 */
export interface ResourceRequirements {
  limits?: {
    [k: string]: number | string;
  };
  requests?: {
    [k: string]: number | string;
  };
}
/**
 * Affinity of the pods to nodes and to other pods.
 */
export interface Affinity {
  nodeAffinity?: NodeAffinity;
  podAffinity?: PodAffinity;
  podAntiAffinity?: PodAffinity;
}
export interface NodeAffinity {
  /**
   * @maxItems 64
   */
  preferredDuringSchedulingIgnoredDuringExecution?: {
    preference: NodeSelectorTerm;
    weight: number;
  }[];
  requiredDuringSchedulingIgnoredDuringExecution?: {
    /**
     * @maxItems 64
     */
    nodeSelectorTerms: NodeSelectorTerm[];
  };
}
export interface NodeSelectorTerm {
  /**
   * @maxItems 64
   */
  matchExpressions?: {
    key: string;
    operator: string;
    /**
     * @maxItems 256
     */
    values?: string[];
  }[];
  /**
   * @maxItems 64
   */
  matchFields?: {
    key: string;
    operator: string;
    /**
     * @maxItems 256
     */
    values?: string[];
  }[];
}
export interface PodAffinity {
  /**
   * @maxItems 64
   */
  preferredDuringSchedulingIgnoredDuringExecution?: {
    podAffinityTerm: PodAffinityTerm;
    weight: number;
  }[];
  /**
   * @maxItems 64
   */
  requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[];
}
export interface PodAffinityTerm {
  labelSelector?: LabelSelector;
  /**
   * @maxItems 64
   */
  matchLabelKeys?: string[];
  /**
   * @maxItems 64
   */
  mismatchLabelKeys?: string[];
  namespaceSelector?: LabelSelector;
  /**
   * @maxItems 64
   */
  namespaces?: string[];
  topologyKey: string;
}
export interface LabelSelector {
  /**
   * @maxItems 64
   */
  matchExpressions?: {
    key: string;
    operator: string;
    /**
     * @maxItems 256
     */
    values?: string[];
  }[];
  matchLabels?: {
    [k: string]: string;
  };
}
export interface Toleration {
  effect?: string;
  key?: string;
  operator?: string;
  tolerationSeconds?: number;
  value?: string;
}
export interface TopologySpreadConstraint {
  labelSelector?: LabelSelector;
  /**
   * @maxItems 64
   */
  matchLabelKeys?: string[];
  maxSkew: number;
  minDomains?: number;
  nodeAffinityPolicy?: string;
  nodeTaintsPolicy?: string;
  topologyKey: string;
  whenUnsatisfiable: string;
}
export interface HostAlias {
  ip: string;
  /**
   * @maxItems 64
   */
  hostnames?: string[];
}
/**
 * Name servers, search domains and options added to those of the cluster.
 */
export interface DnsConfig {
  /**
   * @maxItems 64
   */
  nameservers?: string[];
  /**
   * @maxItems 64
   */
  searches?: string[];
  /**
   * @maxItems 16
   */
  options?: {
    name?: string;
    value?: string;
  }[];
}
export interface Volume {
  name: string;
  configMap?: {
    name?: string;
    optional?: boolean;
    defaultMode?: number;
    /**
     * @maxItems 64
     */
    items?: {
      key: string;
      path: string;
      mode?: number;
    }[];
  };
  secret?: {
    secretName?: string;
    optional?: boolean;
    defaultMode?: number;
    /**
     * @maxItems 64
     */
    items?: {
      key: string;
      path: string;
      mode?: number;
    }[];
  };
  emptyDir?: {
    medium?: string;
    sizeLimit?: number | string;
  };
  persistentVolumeClaim?: {
    claimName: string;
    readOnly?: boolean;
  };
  csi?: {
    driver: string;
    fsType?: string;
    readOnly?: boolean;
    nodePublishSecretRef?: {
      name?: string;
    };
    volumeAttributes?: {
      [k: string]: string;
    };
  };
}
export interface VolumeMount {
  name: string;
  mountPath: string;
  subPath?: string;
  readOnly?: boolean;
}
export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: {
    configMapKeyRef?: {
      key: string;
      name?: string;
      optional?: boolean;
    };
    fieldRef?: {
      apiVersion?: string;
      fieldPath: string;
    };
    resourceFieldRef?: {
      containerName?: string;
      divisor?: number | string;
      resource: string;
    };
    secretKeyRef?: {
      key: string;
      name?: string;
      optional?: boolean;
    };
  };
}
export interface LocalObjectReference {
  name: string;
}
/**
 * What was observed. Written by the operator, except for each worker's own entry in workers. A newer operator or worker may write fields, conditions and states that are not described here.
 */
export interface KinesisSinkStatus {
  /**
   * metadata.generation that the operator has acted on. -1 until it has seen the resource.
   */
  observedGeneration?: number;
  /**
   * Ready: data can flow now; absent while Paused. Paused: no worker runs, as somebody wished. Paused, Reconciling and Stalled are present only while true. SourceConnected, StreamWritable and Throttled say what the workers report of Pulsar and Kinesis.
   *
   * @maxItems 16
   */
  conditions?: Condition[];
  /**
   * Worker pods that exist and are not terminating.
   */
  replicas?: number;
  /**
   * Worker pods that are ready.
   */
  readyReplicas?: number;
  /**
   * Label selector of the worker pods, as the scale subresource wants it.
   */
  selector?: string;
  /**
   * With initialPosition Latest: a hash of the cluster, subscription and topics that workers have been subscribed to, all of them. As long as it is that of the spec, workers read topics and partitions that have no subscription yet from their start.
   */
  subscribed?: string;
  operator?: StatusOperator;
  totals?: Totals;
  /**
   * What the operator has decided by spec.autoscaling, and what it needs to decide again. Absent without that.
   */
  autoscaling?: {
    /**
     * Workers that there are to be, within minReplicas and maxReplicas. None are while the sink is stopped.
     */
    replicas?: number;
    /**
     * Why it is this number now, in one word.
     */
    reason?: string;
    /**
     * The same in a sentence.
     */
    message?: string;
    /**
     * Where the lag comes from. Backlog: from the oldest message in the subscription. Reported: from the messages that the workers hold, as there is no spec.pulsar.adminUrl or it does not tell.
     */
    lagSource?: string;
    /**
     * When the number was changed last.
     */
    lastScaleTime?: string;
    /**
     * The last change of the number, with what it was decided by.
     */
    lastDecision?: string;
    /**
     * Present while a change waits for its stabilization.
     */
    pending?: {
      /**
       * Up or Down.
       */
      direction?: string;
      /**
       * Since when it has been due without a break.
       */
      since?: string;
      /**
       * The number that would do, on the way down.
       */
      replicas?: number;
      /**
       * The lag at that time, on the way up.
       */
      lagSeconds?: number;
      /**
       * The backlog at that time, on the way up.
       */
      backlog?: number;
    };
    /**
     * Messages per second that a worker delivered while more waited; forgotten after a day.
     */
    messagesPerReplica?: number;
    /**
     * When messagesPerReplica was measured.
     */
    measuredAt?: string;
    /**
     * spec.replicas, which has no effect meanwhile, as it was when that was told last.
     */
    specReplicas?: number;
  };
  /**
   * One entry per worker pod, written by that worker. At most 200 are kept.
   *
   * @maxItems 200
   */
  workers?: WorkerStatus[];
  pendingChange?: PendingChange;
  /**
   * Fields of the spec that were given and have no effect, as paths such as spec.config.minConnections.
   *
   * @maxItems 64
   */
  ignoredProperties?: string[];
}
/**
 * One aspect of the sink's state.
 */
export interface Condition {
  /**
   * The aspect: Ready, Paused, Reconciling, Stalled, SourceConnected, StreamWritable or Throttled.
   */
  type: ConditionType;
  /**
   * Whether it holds: True, False or Unknown.
   */
  status: ConditionStatus;
  /**
   * The cause in one word.
   */
  reason: string;
  /**
   * The cause in a sentence, and what to do about it.
   */
  message: string;
  /**
   * When status last changed.
   */
  lastTransitionTime: string;
  /**
   * metadata.generation that the condition was computed for.
   */
  observedGeneration?: number;
}
/**
 * The operator that has written this status last. A new version or pod alone is no reason to write it.
 */
export interface StatusOperator {
  /**
   * Its class, as in spec.class.
   */
  class?: string;
  /**
   * Its version.
   */
  version?: string;
  /**
   * Its pod.
   */
  pod?: string;
}
/**
 * What the present workers report, together. Gauges; counters are in the metrics.
 */
export interface Totals {
  /**
   * Messages accepted by Kinesis per second, mean of the last 60 seconds.
   */
  ratePerSecond?: number;
  /**
   * Bytes of record data accepted by Kinesis per second, mean of the last 60 seconds.
   */
  bytesPerSecond?: number;
  /**
   * Messages accepted by Kinesis since the present workers started. It falls when a worker goes.
   */
  delivered?: number;
  /**
   * Messages received and not yet acknowledged.
   */
  inFlight?: number;
  /**
   * Entries that wait in the subscription. An entry is a batch as the producer sent it, so the messages are more. Absent without spec.pulsar.adminUrl.
   */
  backlog?: number;
  /**
   * Age, in seconds since it was published, of the oldest message received and not yet accepted by Kinesis. 0 when there is none.
   */
  lagSeconds?: number;
  /**
   * Age, in seconds since it was published, of the oldest message that waits in the subscription. Present with spec.pulsar.adminUrl and spec.autoscaling.targetLagSeconds.
   */
  backlogAgeSeconds?: number;
  /**
   * Messages sent to the dead-letter topic since the present workers started.
   */
  deadLettered?: number;
}
/**
 * What one worker reports of itself.
 */
export interface WorkerStatus {
  /**
   * Name of the pod.
   */
  pod: string;
  /**
   * Starting: not connected yet. Running: source and stream are usable. Waiting: one of them is not; the worker keeps trying and needs no help. Stalled: somebody must act; the worker keeps trying. Draining: told to stop, delivering what it holds.
   */
  state: WorkerState;
  /**
   * The cause in one word, when the state is not Running.
   */
  reason?: string;
  /**
   * The cause in a sentence, and what to do about it.
   */
  message?: string;
  /**
   * Hash of the configuration the worker runs with.
   */
  configHash?: string;
  /**
   * Version of the worker. Absent where it is older than this field.
   */
  version?: string;
  /**
   * Pulsar client in use: Wire or Native.
   */
  client?: "Wire" | "Native";
  /**
   * When the worker started.
   */
  startedAt?: string;
  /**
   * When the worker wrote this entry.
   */
  reportedAt?: string;
  source?: SourceStatus;
  stream?: StreamStatus;
  throttled?: ThrottledStatus;
  /**
   * Present while the memory budget is full. The shard that the worker waits for.
   */
  slowestShard?: string;
  poison?: PoisonStatus;
  /**
   * Messages accepted by Kinesis per second, mean of the last 60 seconds.
   */
  ratePerSecond?: number;
  /**
   * Bytes of record data accepted by Kinesis per second, mean of the last 60 seconds.
   */
  bytesPerSecond?: number;
  /**
   * Messages accepted by Kinesis since the worker started.
   */
  delivered?: number;
  /**
   * Messages received and not yet acknowledged.
   */
  inFlight?: number;
  /**
   * Entries that wait in the subscription, over its active partitions (retainOrdering) or over all (otherwise). Absent without spec.pulsar.adminUrl.
   */
  backlog?: number;
  /**
   * Age, in seconds since it was published, of the oldest message received and not yet accepted by Kinesis. 0 when there is none.
   */
  lagSeconds?: number;
  /**
   * Age, in seconds since it was published, of the oldest message that waits in the subscription, over the same topic partitions as backlog. Present with spec.pulsar.adminUrl and spec.autoscaling.targetLagSeconds.
   */
  backlogAgeSeconds?: number;
  /**
   * Percent in use of the memory that received messages may take. A worker that keeps up needs little of it.
   */
  budgetPercent?: number;
  /**
   * Records sent again since the worker started.
   */
  retried?: number;
  /**
   * Messages that Pulsar delivered more than once since the worker started.
   */
  redelivered?: number;
  /**
   * Messages sent to the dead-letter topic since the worker started.
   */
  deadLettered?: number;
}
/**
 * The worker's side of Pulsar.
 */
export interface SourceStatus {
  /**
   * Whether it is subscribed to every topic it should read.
   */
  connected: boolean;
  /**
   * The cause in one word, when it is not connected.
   */
  reason?: string;
  /**
   * The cause in a sentence, and what to do about it.
   */
  message?: string;
  /**
   * Topic partitions it is subscribed to. A topic without partitions counts as one.
   */
  partitions?: number;
  /**
   * Topic partitions that deliver to this worker. With retainOrdering each has one active worker.
   */
  activePartitions?: number;
  /**
   * Topic partitions that were terminated in Pulsar and read to the end.
   */
  endedPartitions?: number;
}
/**
 * The worker's side of Kinesis.
 */
export interface StreamStatus {
  /**
   * Whether records can be put into the stream.
   */
  writable: boolean;
  /**
   * The cause in one word, when it is not writable.
   */
  reason?: string;
  /**
   * The cause in a sentence, and what to do about it.
   */
  message?: string;
  /**
   * Open shards of the stream, when the worker may list them.
   */
  shards?: number;
}
/**
 * Present while Kinesis throttles this worker.
 */
export interface ThrottledStatus {
  /**
   * The shard that is throttled most.
   */
  shard: string;
  /**
   * Number of throttled shards.
   */
  shards?: number;
  /**
   * Percent of the records sent to that shard in the last 60 seconds that were throttled.
   */
  percent?: number;
}
/**
 * Present while messages that cannot be delivered hold a topic partition or are parked.
 */
export interface PoisonStatus {
  /**
   * Number of such messages.
   */
  count: number;
  /**
   * Topic partition of the first.
   */
  topic: string;
  /**
   * Message id of the first, ledger:entry:partition or ledger:entry:partition:batchIndex.
   */
  messageId: string;
  /**
   * Why it cannot be delivered, in one word.
   */
  reason: string;
  /**
   * Why it cannot be delivered, in a sentence.
   */
  message?: string;
}
/**
 * Present while the workers are not yet those that this version of the operator makes of the sink. They run on, and roll when it is the sink's turn, or with the next change of its spec.
 */
export interface PendingChange {
  /**
   * When it began to wait.
   */
  since: string;
  /**
   * What it waits for: RolloutWaiting, RolloutPaused or RolloutStopped.
   */
  reason: string;
  /**
   * What it waits for, in a sentence, and how to have it now.
   */
  message: string;
}

/** Answer to a list request, one page of it. */
export interface KinesisSinkList {
  apiVersion: "pulsar-kinesis.io/v1alpha1";
  kind: "KinesisSinkList";
  metadata: {
    resourceVersion?: string;
    /** Token of the next page; empty or absent on the last one. */
    continue?: string;
    remainingItemCount?: number;
  };
  items: KinesisSink[];
}
