/** What a reason in a worker's entry means. */
export interface Reason {
  /** True when it does not pass by itself: somebody must act. The worker keeps trying all the same. */
  readonly stalls: boolean;
  /** For users. */
  readonly meaning: string;
}

/** Reasons in `status.workers[].source.reason`; the operator carries them into SourceConnected. */
export const sourceReasons = {
  BrokerUnreachable: { stalls: false, meaning: "No broker answers at spec.pulsar.serviceUrl." },
  TlsFailed: { stalls: true, meaning: "The broker's certificate is not trusted, or the client's is refused." },
  AuthenticationFailed: { stalls: true, meaning: "The broker refuses the credentials of spec.pulsar.auth." },
  AuthorizationFailed: { stalls: true, meaning: "The role may not consume from the topic." },
  TopicNotFound: { stalls: true, meaning: "A topic of spec.pulsar does not exist and is not created by itself." },
  NamespaceNotFound: { stalls: true, meaning: "The tenant or namespace of a topic does not exist." },
  InvalidTopic: { stalls: true, meaning: "The broker refuses the name of a topic." },
  TopicMigrated: {
    stalls: true,
    meaning:
      "A topic was migrated to another cluster, where it is not followed: order is to be kept, or the cluster is not verified.",
  },
  SubscriptionBusy: { stalls: false, meaning: "Another consumer holds the subscription in another mode." },
  SubscriptionNotFound: { stalls: true, meaning: "The subscription does not exist and may not be created." },
  IncompatibleSchema: { stalls: true, meaning: "The broker refuses the consumer because of the topic's schema." },
  BrokerNotReady: { stalls: false, meaning: "The broker is starting, overloaded, or unloading the topic." },
  MemoryExhausted: {
    stalls: false,
    meaning:
      "The worker has no memory for what it receives now, and tries again: raise the memory limit in spec.pod.resources, or produce smaller batches.",
  },
  SecretMissing: { stalls: true, meaning: "A Secret or ConfigMap that the spec names does not exist." },
  SecretKeyMissing: { stalls: true, meaning: "A Secret or ConfigMap lacks the key that the spec names." },
  ClientMissing: { stalls: true, meaning: "The image does not contain pulsar-client, which the spec asks for." },
  AdminUrlMissing: { stalls: true, meaning: "What pulsar-client does not tell must be asked at spec.pulsar.adminUrl." },
  MemoryLimitTooLow: {
    stalls: true,
    meaning: "The memory limit cannot hold what pulsar-client keeps of the topic partitions to read them in order.",
  },
  ProtocolError: { stalls: false, meaning: "The broker broke its protocol; the worker connects anew." },
} as const satisfies Readonly<Record<string, Reason>>;

/** Reasons in `status.workers[].stream.reason`; the operator carries them into StreamWritable. */
export const streamReasons = {
  Throttled: { stalls: false, meaning: "The stream takes no more: its shards' limits are reached." },
  EndpointUnreachable: { stalls: false, meaning: "The Kinesis endpoint does not answer." },
  TlsFailed: { stalls: true, meaning: "The endpoint's certificate is not trusted." },
  RequestTimeout: { stalls: false, meaning: "Answers take longer than spec.config.requestTimeout." },
  ServiceFailure: { stalls: false, meaning: "Kinesis answers with a fault of its own." },
  AmbiguousAnswer: {
    stalls: false,
    meaning: "An answer does not say which records were accepted; they are sent again.",
  },
  StreamNotFound: {
    stalls: true,
    meaning: "spec.config.awsKinesisStreamName does not exist in that region and account.",
  },
  StreamNotActive: { stalls: false, meaning: "The stream is being created or deleted." },
  AccessDenied: { stalls: true, meaning: "The AWS identity may not write to the stream." },
  InvalidCredentials: { stalls: true, meaning: "AWS does not accept the credentials." },
  ExpiredCredentials: { stalls: true, meaning: "The credentials have expired." },
  CredentialsMissing: { stalls: true, meaning: "No credentials were found where awsCredentialPluginName says." },
  SecretMissing: {
    stalls: true,
    meaning: "What spec.secrets.awsCredentialPluginParam or spec.aws.ca names does not exist.",
  },
  SecretKeyMissing: { stalls: true, meaning: "The Secret lacks the key of spec.secrets.awsCredentialPluginParam." },
  AssumeRoleFailed: { stalls: true, meaning: "STS does not let the identity assume the role." },
  KmsFailed: { stalls: true, meaning: "The key that encrypts the stream cannot be used." },
  RecordDistributionAuto: {
    stalls: true,
    meaning: "The stream ignores partition keys (RecordDistributionStrategy AUTO), so order cannot be kept.",
  },
  RequestRejected: {
    stalls: true,
    meaning: "Kinesis refuses the request for another cause, which the message quotes.",
  },
} as const satisfies Readonly<Record<string, Reason>>;

/** Reasons in `status.workers[].poison.reason`. */
export const poisonReasons = {
  Undecodable: { stalls: true, meaning: "The payload does not fit the schema it was written with." },
  CorruptEntry: { stalls: true, meaning: "The entry is damaged: checksum, size, compression or batch framing." },
  EncryptionKeyMissing: {
    stalls: true,
    meaning: "The message is encrypted, and the Secret of spec.pulsar.encryption has none of the keys it names.",
  },
  DecryptionFailed: {
    stalls: true,
    meaning: "The message is encrypted, and cannot be decrypted with the key it names: it is another, or no RSA key.",
  },
  SchemaMissing: { stalls: true, meaning: "The broker has no schema of the version that the message names." },
  UnsupportedSchema: { stalls: true, meaning: "The messageFormat cannot expand values of this kind of schema." },
  Encrypted: { stalls: true, meaning: "The message is encrypted, and the messageFormat has no place for that." },
  RecordTooLarge: { stalls: true, meaning: "The record exceeds what the stream takes." },
  RejectedByKinesis: { stalls: true, meaning: "Kinesis refuses this record and accepts its neighbours." },
} as const satisfies Readonly<Record<string, Reason>>;

/** Reasons in `status.workers[].reason` that belong to the worker as a whole. Otherwise it is the source's or stream's. */
export const workerReasons = {
  InvalidConfiguration: {
    stalls: true,
    meaning: "The worker cannot use its configuration; the message names the field.",
  },
  UnsupportedField: {
    stalls: true,
    meaning: "The spec uses what this version does not have; the message names the field.",
  },
  PoisonMessage: { stalls: true, meaning: "A message that can never be delivered holds its topic partition." },
  PartitionsStuck: {
    stalls: false,
    meaning:
      "Nothing of some topic partitions moves; they were closed so that the others have their memory, and are tried again with one entry.",
  },
  TooManyParked: { stalls: true, meaning: "More messages that cannot be delivered are parked than the worker holds." },
} as const satisfies Readonly<Record<string, Reason>>;

/**
 * Reasons in the conditions that are the operator's own. Those of the workers above are carried on, and so are Kubernetes' own
 * about pods.
 */
export const operatorReasons = {
  InvalidSpec: { stalls: true, meaning: "The spec breaks a rule of this version; the message names the field." },
  UnsupportedField: { stalls: true, meaning: "The spec uses what this version does not have." },
  NameConflict: { stalls: true, meaning: "An object that is not this sink's has the name of one it needs." },
  PredecessorRemains: {
    stalls: false,
    meaning: "What a deleted sink of the same name owned is still being deleted.",
  },
  ApplyForbidden: {
    stalls: true,
    meaning: "The API server forbids an object: a quota, a policy, a missing permission.",
  },
  ApplyInvalid: { stalls: true, meaning: "The API server refuses an object: a field of spec.pod has a bad value." },
  ApplyFailed: { stalls: false, meaning: "An object cannot be written for now, for example as a webhook is down." },
  NamespaceTerminating: { stalls: false, meaning: "The namespace is being deleted." },
  Paused: {
    stalls: false,
    meaning:
      "spec.paused, the annotation pulsar-kinesis.io/paused or the operator's settings ask for it: the condition Paused once no worker runs.",
  },
  ScaledToZero: { stalls: false, meaning: "spec.replicas is 0: the condition Paused once no worker runs." },
  Applying: { stalls: false, meaning: "The Deployment is being created or changed." },
  WorkersStarting: { stalls: false, meaning: "Workers are starting and have no trouble so far." },
  RollingUpdate: { stalls: false, meaning: "New workers take over from those of an earlier spec." },
  ScalingDown: { stalls: false, meaning: "Workers are stopping." },
  WorkersReady: { stalls: false, meaning: "At least one worker moves messages." },
  PodSecurityViolation: { stalls: true, meaning: "The namespace's Pod Security level does not admit the pods." },
  QuotaExceeded: { stalls: true, meaning: "A quota of the namespace leaves no room for the pods." },
  FailedCreate: { stalls: true, meaning: "The pods cannot be created; the message quotes why." },
  Unschedulable: { stalls: false, meaning: "No node takes the pod; a rollout stalls when none does for five minutes." },
  CrashLoopBackOff: { stalls: true, meaning: "The worker ends again and again; the message quotes its last words." },
  ReconcileForced: {
    stalls: false,
    meaning: "Of an Event: everything is applied anew, as the annotation pulsar-kinesis.io/reconcile-at asks for.",
  },
  CleaningUp: {
    stalls: false,
    meaning: "The sink is being deleted; its workers stop, or a Job deletes its subscription.",
  },
  CleanupFailed: {
    stalls: true,
    meaning: "The subscription of a deleted sink cannot be deleted. It is tried again; the message says why.",
  },
  DriftRepaired: {
    stalls: false,
    meaning:
      "Of an Event: somebody changes an object of the sink again and again; the message names the field manager.",
  },
  RolloutWaiting: {
    stalls: false,
    meaning: "In status.pendingChange: what the operator's upgrade changes waits for this sink's turn.",
  },
  RolloutPaused: { stalls: false, meaning: "In status.pendingChange: the chart's rollout.pause is true." },
  RolloutStopped: {
    stalls: true,
    meaning: "In status.pendingChange: sinks that rolled did not become Ready, so that no further one does.",
  },
  RollingOut: { stalls: false, meaning: "Of an Event: the workers change with the operator, in this sink's turn." },
  RolloutFailed: {
    stalls: true,
    meaning: "Of an Event: workers that changed with the operator did not become ready in time.",
  },
  ReportStale: { stalls: false, meaning: "A worker runs and has not reported for three of its beats." },
  PodFailed: { stalls: false, meaning: "The pod failed; it is replaced." },
  ProgressDeadlineExceeded: { stalls: true, meaning: "The workers were not ready in time, and nobody knows why." },
  Connected: { stalls: false, meaning: "SourceConnected: a worker is subscribed to the topics." },
  NotConnected: { stalls: false, meaning: "SourceConnected: no worker is, and none says why." },
  Writable: { stalls: false, meaning: "StreamWritable: a worker can put records." },
  NotWritable: { stalls: false, meaning: "StreamWritable: no worker can, and none says why." },
  ShardThrottled: {
    stalls: false,
    meaning: "Throttled: Kinesis takes less than there is; the message names the shard.",
  },
  NotThrottled: { stalls: false, meaning: "Throttled: Kinesis takes all there is." },
  NoWorkers: { stalls: false, meaning: "Unknown, for no worker is to run." },
  NoReport: { stalls: false, meaning: "Unknown, for no worker has reported yet." },
  NotTried: { stalls: false, meaning: "Unknown, for no worker has come far enough to try." },
  ReplicasIgnored: {
    stalls: false,
    meaning: "An Event only: spec.replicas was changed, and has no effect beside spec.autoscaling unless it is 0.",
  },
  DefinitionTooOld: {
    stalls: false,
    meaning: "An Event only: the cluster's definition has no place for a field of the status, which is left out.",
  },
  Other: { stalls: false, meaning: "The cause has no name that fits a reason; see the message." },
} as const satisfies Readonly<Record<string, Reason>>;

/**
 * Reasons in `status.autoscaling.reason`, and of the Events about it. Their meanings hold no number that changes by itself, for
 * they are its message, and each change is a write.
 */
export const scalingReasons = {
  Steady: { stalls: false, meaning: "The targets are met, and fewer workers might not do." },
  AtMinimum: { stalls: false, meaning: "The targets are met by minReplicas." },
  AtMaximum: { stalls: false, meaning: "A target is exceeded, and there are maxReplicas already." },
  ScaleUpPending: {
    stalls: false,
    meaning: "A target is exceeded; workers are added if that lasts for scaleUpStabilizationSeconds.",
  },
  ScaleDownPending: {
    stalls: false,
    meaning: "Fewer workers would do; some go if that lasts for scaleDownStabilizationSeconds.",
  },
  CatchingUp: { stalls: false, meaning: "A target is exceeded, and what waits gets less fast enough." },
  WorkersStarting: {
    stalls: false,
    meaning: "A target is exceeded; what the last change does shows once all workers are ready.",
  },
  ReportsMissing: {
    stalls: false,
    meaning: "Fewer workers might do, but not all of them are ready and have reported for a minute.",
  },
  NoReport: { stalls: false, meaning: "No worker tells what the targets are about." },
  PoisonHeld: {
    stalls: false,
    meaning: "Messages that cannot be delivered grow old whoever works, so that the targets say nothing.",
  },
  ShardsLimit: {
    stalls: false,
    meaning: "A target is exceeded, and a shard of the stream takes no more: more workers would not change that.",
  },
  NothingFlows: { stalls: false, meaning: "No worker is connected to both Pulsar and the stream." },
  Stopped: { stalls: false, meaning: "spec.paused or spec.replicas 0 stops the sink." },
  ScaledUp: { stalls: false, meaning: "Workers were added." },
  ScaledDown: { stalls: false, meaning: "Workers were taken away." },
  ScaledToBounds: { stalls: false, meaning: "The number was outside of minReplicas and maxReplicas." },
} as const satisfies Readonly<Record<string, Reason>>;

export type ScalingReason = keyof typeof scalingReasons;
export type SourceReason = keyof typeof sourceReasons;
export type StreamReason = keyof typeof streamReasons;
export type PoisonReason = keyof typeof poisonReasons;
export type WorkerReason = keyof typeof workerReasons;
export type OperatorReason = keyof typeof operatorReasons;
