import { type Kinesis, type KinesisOptions, startKinesis } from "./kinesis/emulator.ts";
import { helmProgram } from "./kubernetes/binaries.ts";
import { type Kubernetes, type KubernetesOptions, type Place, startKubernetes } from "./kubernetes/cluster.ts";
import type { Log } from "./process.ts";
import { type Pulsar, startPulsar } from "./pulsar/broker.ts";
import type { PulsarOptions } from "./pulsar/prepare.ts";

export interface EnvironmentOptions {
  /** Where progress goes, line by line. */
  readonly log: Log;
  /** Aborts the start; what was started by then is ended. */
  readonly signal?: AbortSignal | undefined;
  readonly kubernetes?: Omit<KubernetesOptions, "log" | "signal" | "onNetwork">;
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
  const { log } = options;
  const failure = new AbortController();
  const signal = options.signal === undefined ? failure.signal : AbortSignal.any([options.signal, failure.signal]);
  const network = Promise.withResolvers<Place>();
  const place = async (): Promise<Where> => {
    const { network: addresses, enter } = await network.promise;
    return { log, signal, enter, host: addresses.nodeAddress };
  };
  const broker: Environment["startPulsar"] = async (more) => startPulsar({ ...more, ...(await place()) });
  const emulator: Environment["startKinesis"] = async (more) => startKinesis({ ...more, ...(await place()) });
  const cluster = startKubernetes({ ...options.kubernetes, log, signal, onNetwork: network.resolve });
  cluster.catch(network.reject);
  const parts = [
    cluster,
    helmProgram(log, signal),
    options.pulsar === false ? undefined : broker(options.pulsar),
    options.kinesis === false ? undefined : emulator(options.kinesis),
  ] as const;
  for (const part of parts) part?.catch((error) => failure.abort(error));
  const [kubernetes, helm, pulsar, kinesis] = await Promise.allSettled(parts);
  const close = async (): Promise<void> => {
    await Promise.all([pulsar, kinesis].map((part) => (part.status === "fulfilled" ? part.value?.close() : undefined)));
    if (kubernetes.status === "fulfilled") await kubernetes.value.close();
  };
  if (kubernetes.status === "rejected" || helm.status === "rejected" || failure.signal.aborted) {
    await close();
    throw failure.signal.reason;
  }
  return {
    kubernetes: kubernetes.value,
    helmPath: helm.value,
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

type Where = Required<Pick<PulsarOptions, "log" | "enter" | "host">> & { readonly signal: AbortSignal };

function started<T>(part: PromiseSettledResult<T | undefined>, name: string): T {
  if (part.status === "fulfilled" && part.value !== undefined) return part.value;
  throw new Error(`the environment was started without ${name}`);
}
