import { type Kinesis, type KinesisOptions, startKinesis } from "./kinesis/emulator.ts";
import { helmProgram } from "./kubernetes/binaries.ts";
import { type Kubernetes, type KubernetesOptions, startKubernetes } from "./kubernetes/cluster.ts";
import type { Log } from "./process.ts";
import { type Pulsar, startPulsar } from "./pulsar/broker.ts";
import type { PulsarOptions } from "./pulsar/prepare.ts";

export interface EnvironmentOptions {
  /** Where progress goes, line by line. */
  readonly log: Log;
  /** Aborts the start; what was started by then is ended. */
  readonly signal?: AbortSignal | undefined;
  readonly kubernetes?: Omit<KubernetesOptions, "log" | "signal">;
  /** `false` leaves the part out. */
  readonly pulsar?: Omit<PulsarOptions, "log" | "signal" | "host" | "enter"> | false;
  readonly kinesis?: Omit<KinesisOptions, "log" | "signal" | "host" | "enter"> | false;
}

/** Kubernetes, Pulsar and Kinesis on this machine; pods and this process reach each of them at the same address. */
export interface Environment {
  readonly kubernetes: Kubernetes;
  /** The path of the Helm program. */
  readonly helmPath: string;
  /** Throws when the part was left out. */
  readonly pulsar: Pulsar;
  /** Throws when the part was left out. */
  readonly kinesis: Kinesis;
  /** More brokers or emulators in the cluster's network, for tests that need their own. The caller closes them. */
  startPulsar(options?: Exclude<EnvironmentOptions["pulsar"], false>): Promise<Pulsar>;
  startKinesis(options?: Exclude<EnvironmentOptions["kinesis"], false>): Promise<Kinesis>;
  /** Ends every part and removes what it left. */
  close(): Promise<void>;
}

/**
 * Starts the whole local environment: about 25 s once the programs are built and fetched, which takes about 15 minutes the
 * first time. Broker and emulator run in the cluster's network namespace, so their traffic with pods stays there.
 */
export async function startEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { log, signal } = options;
  const [kubernetes, helmPath] = await both(startKubernetes({ ...options.kubernetes, log, signal }), helmProgram(log));
  const where = { log, signal, enter: kubernetes.enter, host: kubernetes.network.nodeAddress };
  const broker: Environment["startPulsar"] = (more) => startPulsar({ ...more, ...where });
  const emulator: Environment["startKinesis"] = (more) => startKinesis({ ...more, ...where });
  const starting = [
    options.pulsar === false ? undefined : broker(options.pulsar),
    options.kinesis === false ? undefined : emulator(options.kinesis),
  ] as const;
  const [pulsar, kinesis] = await Promise.allSettled(starting);
  const close = async (): Promise<void> => {
    await Promise.all([pulsar, kinesis].map((part) => (part.status === "fulfilled" ? part.value?.close() : undefined)));
    await kubernetes.close();
  };
  for (const part of [pulsar, kinesis]) {
    if (part.status === "fulfilled") continue;
    await close();
    throw part.reason;
  }
  return {
    kubernetes,
    helmPath,
    get pulsar() {
      return started(pulsar, "pulsar");
    },
    get kinesis() {
      return started(kinesis, "kinesis");
    },
    startPulsar: broker,
    startKinesis: emulator,
    close,
  };
}

/** Both results, or the first error once the cluster of a half success is closed. */
async function both(cluster: Promise<Kubernetes>, program: Promise<string>): Promise<[Kubernetes, string]> {
  const [kubernetes, path] = await Promise.allSettled([cluster, program]);
  if (kubernetes.status === "rejected") throw kubernetes.reason;
  if (path.status === "fulfilled") return [kubernetes.value, path.value];
  await kubernetes.value.close();
  throw path.reason;
}

function started<T>(part: PromiseSettledResult<T | undefined>, name: string): T {
  if (part.status === "fulfilled" && part.value !== undefined) return part.value;
  throw new Error(`the environment was started without ${name}`);
}
