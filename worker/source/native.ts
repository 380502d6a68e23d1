import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../runtime/clock.ts";
import {
  loadNativeClient,
  type NativeClient,
  type NativeModule,
  type NativeProducer,
  nativeError,
} from "./native-client.ts";
import { acknowledgeNative, type NativeDelivery, type NativeTopic, startNativeTopic } from "./native-consumer.ts";
import {
  type DeadLetter,
  type Delivery,
  type Source,
  SourceError,
  type SourceFailure,
  type SourceHandler,
} from "./source.ts";
import type { WireSourceOptions } from "./wire/wire.ts";

/** pulsar-client keeps this many messages per topic-partition outside the budget. */
const LARGEST_QUEUE = 500;
const BATCH_RECEIVE = { maxNumMessages: 1_000, maxNumBytes: 1024 * 1024, timeoutMs: 100 };
const CLOSE_TIMEOUT_MS = 4_000;
const DISCOVERY_RETRY_MS = 5_000;

/**
 * The source on pulsar-client. Compared with the wire source it has no patterns and no schema registry, knows nothing of
 * active-consumer changes or receipts, and finds new partitions at its next start only.
 * @throws SourceError ClientMissing when pulsar-client is not installed
 */
export async function createNativeSource(
  options: WireSourceOptions,
  load: () => Promise<NativeModule> = loadNativeClient,
): Promise<Source> {
  const module = await load();
  if (options.topicsPattern !== undefined) {
    throw new SourceError(
      "InvalidTopic",
      "spec.pulsar.topicsPattern needs spec.pulsar.client Wire: list the topics, or change the client",
    );
  }
  const { subscription, budget, log, clock = systemClock } = options;
  const folder = await mkdtemp(join(tmpdir(), "pulsar-tls-"));
  const client = await openClient(module, options, folder);
  const closing = new AbortController();
  const topics: NativeTopic[] = [];
  const producers = new Map<string, Promise<NativeProducer>>();
  let waiting: (() => void)[] = [];
  let failure: SourceFailure | null = null;
  let complete = false;
  let epoch = 0;
  let stopped = false;
  let closed: Promise<void> | null = null;

  budget.onRelease(() => {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  });

  const subscribe = (topic: string) =>
    client.subscribe({
      topic,
      subscription: subscription.name,
      subscriptionType: subscription.type,
      subscriptionInitialPosition: subscription.initialPosition,
      receiverQueueSize: Math.min(options.receiverQueueSize ?? LARGEST_QUEUE, LARGEST_QUEUE),
      ...(options.consumerName === undefined ? {} : { consumerName: options.consumerName }),
      cryptoFailureAction: "CONSUME",
      batchReceivePolicy: BATCH_RECEIVE,
    });

  const discover = async (handler: SourceHandler): Promise<void> => {
    for (const name of options.topics ?? []) {
      while (!closing.signal.aborted) {
        try {
          const partitions = await client.getPartitionsForTopic(name);
          failure = null;
          for (const topic of partitions) {
            topics.push(
              startNativeTopic({
                topic,
                subscribe,
                handler,
                budget,
                clock,
                nextEpoch: () => ++epoch,
                stopped: () => stopped,
                released: () => new Promise((resolve) => waiting.push(resolve)),
              }),
            );
          }
          break;
        } catch (error) {
          failure = nativeError(`asking for the partitions of ${name}`, error);
          log.warn("a topic cannot be consumed", { topic: name, reason: failure.message });
          await clock.sleep(DISCOVERY_RETRY_MS, closing.signal).catch(() => undefined);
        }
      }
    }
    complete = true;
  };

  const publish = async (topic: string, { message, reason }: DeadLetter): Promise<void> => {
    const known = producers.get(topic);
    const opening = known ?? client.createProducer({ topic, chunkingEnabled: true, batchingEnabled: false });
    producers.set(topic, opening);
    try {
      const producer = await opening;
      await producer.send({
        data: Buffer.from(message.payload),
        properties: Object.fromEntries([...message.properties, ...reason]),
        ...(message.key === null ? {} : { partitionKey: message.key }),
        ...(message.orderingKey === null ? {} : { orderingKey: Buffer.from(message.orderingKey).toString("latin1") }),
        ...(message.eventTime === null ? {} : { eventTimestamp: Number(message.eventTime) }),
      });
    } catch (error) {
      producers.delete(topic);
      throw nativeError(`publishing to ${topic}`, error);
    }
  };

  const shutDown = async (): Promise<void> => {
    stopped = true;
    closing.abort();
    const orderly = async (): Promise<void> => {
      await Promise.all(topics.map((topic) => topic.close()));
      await client.close().catch(() => undefined);
    };
    await Promise.race([orderly(), clock.sleep(CLOSE_TIMEOUT_MS)]);
    await rm(folder, { recursive: true, force: true });
  };

  return {
    client: "Native",
    schemas: {
      async schema(topic) {
        throw new SourceError(
          "BrokerNotReady",
          `the schema of ${topic} cannot be read with pulsar-client: set spec.pulsar.client to Wire`,
        );
      },
    },
    start: (handler) => void discover(handler),
    state() {
      const lives = topics.flatMap((topic) => topic.life ?? []);
      const activeTopics = lives.map((life) => life.assignment.topic);
      const first = failure ?? topics.find((topic) => topic.failure !== null)?.failure ?? null;
      const connected = complete && first === null && lives.length === topics.length;
      const partitions = lives.length;
      return { connected, failure: first, partitions, activePartitions: partitions, activeTopics, endedPartitions: 0 };
    },
    acknowledge(deliveries) {
      for (const delivery of deliveries.map(ownDelivery)) {
        if (!delivery.assignment.active) continue;
        acknowledgeNative(delivery.life, delivery.ids, false);
      }
    },
    acknowledgeThrough(delivery) {
      const own = ownDelivery(delivery);
      const last = own.ids.at(-1);
      if (own.assignment.active && last !== undefined) acknowledgeNative(own.life, [last], true);
    },
    shrink(delivery, messages) {
      const shrunk: NativeDelivery = { ...ownDelivery(delivery), messages, retainedBytes: 0 };
      return shrunk;
    },
    rewind(assignment, delayMs) {
      topics.find((topic) => topic.life?.assignment === assignment)?.rewind(delayMs);
    },
    stop() {
      stopped = true;
    },
    async flush(signal) {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
      await Promise.race([
        Promise.all(topics.flatMap((topic) => [...(topic.life?.acknowledging ?? [])])),
        aborted.promise,
      ]);
    },
    publish,
    close() {
      closed ??= shutDown();
      return closed;
    },
  };
}

function ownDelivery(delivery: Delivery): NativeDelivery {
  if ("life" in delivery) return delivery as NativeDelivery;
  throw new TypeError("the delivery is not one of this source");
}

/** pulsar-client reads certificates from files, which are written into `folder`, for this user alone. */
async function openClient(module: NativeModule, options: WireSourceOptions, folder: string): Promise<NativeClient> {
  const { authentication, tls } = options;
  const write = async (name: string, content: Uint8Array | undefined): Promise<string | undefined> => {
    if (content === undefined) return undefined;
    await writeFile(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const client = await tls?.clientCertificate?.();
  const [authority, certificate, key] = await Promise.all([
    write("ca.pem", await tls?.ca?.()),
    write("client.pem", client?.cert),
    write("client.key", client?.key),
  ]);
  const signal = new AbortController().signal;
  const text = async (): Promise<string> =>
    Buffer.from((await authentication?.credentials(signal)) ?? []).toString("utf8");
  const proof = async (): Promise<object | undefined> => {
    if (authentication?.method === "token") return new module.AuthenticationToken({ token: text });
    if (authentication?.method === "basic") {
      const [username = "", ...password] = (await text()).split(":");
      return new module.AuthenticationBasic({ username, password: password.join(":") });
    }
    if (certificate === undefined || key === undefined) return undefined;
    return new module.AuthenticationTls({ certificatePath: certificate, privateKeyPath: key });
  };
  const authenticationOption = await proof();
  return new module.Client({
    serviceUrl: options.serviceUrl,
    operationTimeoutSeconds: 15,
    tlsAllowInsecureConnection: tls?.allowInsecure ?? false,
    tlsValidateHostname: tls?.verifyHostname ?? true,
    ...(authority === undefined ? {} : { tlsTrustCertsFilePath: authority }),
    ...(certificate === undefined ? {} : { tlsCertificateFilePath: certificate }),
    ...(key === undefined ? {} : { tlsPrivateKeyFilePath: key }),
    ...(authenticationOption === undefined ? {} : { authentication: authenticationOption }),
    log: (level, _file, _line, message) => options.log[level >= 2 ? "warn" : "debug"]("pulsar-client", { message }),
  });
}
