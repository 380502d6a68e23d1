import { errorText } from "../../../runtime/error-text.ts";
import { foreignText } from "../../../runtime/foreign-text.ts";
import { asSourceError } from "../broker/failures.ts";
import { SourceError } from "../source.ts";

/** The part of pulsar-client 1.18 that is used, as it documents itself. */
export interface NativeModule {
  readonly Client: new (config: NativeClientConfig) => NativeClient;
  readonly MessageId: { deserialize(bytes: Buffer): NativeMessageId };
  readonly CryptoKeyReader: new () => object;
  readonly AuthenticationToken: new (params: { token: () => Promise<string> }) => object;
  readonly AuthenticationBasic: new (params: { username: string; password: string }) => object;
  readonly AuthenticationTls: new (params: { certificatePath: string; privateKeyPath: string }) => object;
}

export interface NativeClientConfig {
  readonly serviceUrl: string;
  readonly authentication?: object;
  readonly operationTimeoutSeconds?: number;
  readonly listenerName?: string;
  readonly tlsTrustCertsFilePath?: string;
  readonly tlsCertificateFilePath?: string;
  readonly tlsPrivateKeyFilePath?: string;
  readonly tlsValidateHostname?: boolean;
  readonly tlsAllowInsecureConnection?: boolean;
  readonly log?: (level: number, file: string, line: number, message: string) => void;
}

export interface NativeClient {
  subscribe(config: NativeConsumerConfig): Promise<NativeConsumer>;
  close(): Promise<unknown>;
}

export interface NativeConsumerConfig {
  readonly topic: string;
  readonly subscription: string;
  readonly subscriptionType: "Exclusive" | "Failover" | "Shared";
  readonly subscriptionInitialPosition: "Earliest" | "Latest";
  readonly receiverQueueSize: number;
  readonly consumerName?: string;
  readonly cryptoKeyReader?: object;
  /** With the others the library leaves messages out, and acknowledges what follows them. */
  readonly cryptoFailureAction: "CONSUME";
  readonly batchReceivePolicy: { maxNumMessages: number; maxNumBytes: number; timeoutMs: number };
}

export interface NativeConsumer {
  batchReceive(): Promise<NativeMessage[]>;
  acknowledgeId(id: NativeMessageId): Promise<unknown>;
  acknowledgeCumulativeId(id: NativeMessageId): Promise<unknown>;
  isConnected(): boolean;
  close(): Promise<unknown>;
}

export interface NativeMessage {
  /** An array with names as its keys. */
  getProperties(): Readonly<Record<string, string>>;
  getData(): Buffer;
  getMessageId(): NativeMessageId;
  getPublishTimestamp(): number;
  getEventTimestamp(): number;
  getRedeliveryCount(): number;
  getPartitionKey(): string;
  getOrderingKey(): string;
  getProducerName(): string;
  getEncryptionContext(): NativeEncryptionContext | null;
}

export interface NativeMessageId {
  /** `(ledger,entry,partition,batchIndex)`; of a chunked message its first chunk's, `;`, its last chunk's. */
  toString(): string;
  /** MessageIdData of PulsarApi.proto. */
  serialize(): Buffer;
}

export interface NativeEncryptionContext {
  readonly keys: readonly { key: string; value: Buffer; metadata: Record<string, string> }[];
  readonly param: Buffer;
  readonly algorithm: string;
  readonly compressionType: string;
  readonly uncompressedMessageSize: number;
  readonly batchSize: number;
  readonly isDecryptionFailed: boolean;
}

/**
 * pulsar-client, which is an optional dependency: its prebuilt library cannot be fetched everywhere.
 * @param name of the package, or a URL of a module; one that the compiler does not resolve, since it may be absent
 * @throws SourceError ClientMissing when it is not installed, or only half
 */
export async function loadNativeClient(name = "pulsar-client"): Promise<NativeModule> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(name)) as { readonly default?: unknown };
  } catch (error) {
    throw missing(errorText(error).split("\n", 1)[0] ?? "", error);
  }
  const module = (loaded.default ?? loaded) as Partial<NativeModule>;
  if (typeof module.Client !== "function") throw missing("it has no Client", null);
  return module as NativeModule;
}

function missing(reason: string, cause: unknown): SourceError {
  return new SourceError(
    "ClientMissing",
    `pulsar-client cannot be loaded (${reason}): install it with its prebuilt library, or set spec.pulsar.client to Wire`,
    { cause },
  );
}

/** What pulsar-client's result names mean; it tells no more than a name within a message. */
export function nativeError(what: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (code === "SecretMissing" || code === "SecretKeyMissing") return asSourceError(error, what);
  const text = foreignText(errorText(error));
  const found = MEANINGS.find(([pattern]) => pattern.test(text));
  return new SourceError(
    found?.[1] ?? "BrokerNotReady",
    `${what}: pulsar-client answered "${text}"; ${found?.[2] ?? "it is tried again"}`,
  );
}

const MEANINGS = [
  [
    /ConnectError|Timeout|Disconnected|Retryable/i,
    "BrokerUnreachable",
    "check spec.pulsar.serviceUrl, spec.pulsar.tls and the network",
  ],
  [/AuthenticationError/i, "AuthenticationFailed", "check spec.pulsar.auth"],
  [/AuthorizationError/i, "AuthorizationFailed", "grant the role of these credentials the permission"],
  [/TopicNotFound/i, "TopicNotFound", "create the topic, or correct its name"],
  [/InvalidTopicName/i, "InvalidTopic", "correct the topic's name"],
  [/SubscriptionNotFound/i, "SubscriptionNotFound", "create the subscription"],
  [/ConsumerBusy/i, "SubscriptionBusy", "stop the other consumers of this subscription, or choose another name"],
  [/IncompatibleSchema/i, "IncompatibleSchema", "relax the namespace's schema validation"],
] as const;
