import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { packBusybox, packPause } from "../image/small-images.ts";
import { requireNode } from "../prerequisites.ts";
import { type Daemon, type Log, run, startDaemon, untilReady } from "../process.ts";
import { step } from "../progress.ts";
import { stateDirectory } from "../state-directory.ts";
import { clusterProgram } from "./binaries.ts";
import { type Component, componentSignals } from "./components.ts";
import { writeNodeConfiguration } from "./configuration.ts";
import { metricsApi } from "./metrics-api.ts";
import { attachNetwork, type ClusterNetwork } from "./network.ts";
import { createPki } from "./pki.ts";

const NODE = "node1";
const START_TIMEOUT_MS = 180_000;
const STOP_GRACE_MS = 15_000;

export interface KubernetesOptions {
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** OCI archives to import before the cluster counts as up. */
  readonly images?: readonly string[];
  /** Run metrics-server too (the HorizontalPodAutoscaler and `kubectl top` need it); builds it on the first run. */
  readonly metrics?: boolean;
  /** Called as soon as programs can run in the cluster's network, which is long before the cluster is up. */
  readonly onNetwork?: (place: Place) => void;
}

/** Where to run a program so that pods and the host reach it. */
export interface Place {
  readonly network: ClusterNetwork;
  /** A command prefix that enters the network namespace. */
  readonly enter: readonly string[];
}

/** A Kubernetes cluster of one node in namespaces of its own. */
export interface Kubernetes {
  /** The file with the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** The path of a kubectl of the cluster's version. */
  readonly kubectlPath: string;
  readonly network: ClusterNetwork;
  /** A command prefix that runs a program in the node's network namespace: bulk traffic to pods and services stays there. */
  readonly enter: readonly string[];
  /** The directory with one log file per component, and the pods' logs. */
  readonly logs: string;
  /** Runs kubectl as administrator and returns what it printed; `input` is its standard input (`apply -f -`). */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Imports an OCI archive into the node; `imagePullPolicy: Never` or `IfNotPresent` finds it by its name. */
  importImage(archive: string): Promise<void>;
  /** Sends a signal to a component. One that ends is started again after half a second. */
  signal(component: Component, signal: NodeJS.Signals): Promise<void>;
  /** Kills the API server (SIGKILL) and returns when it is gone; {@link ready} says when it is back, after about 5 s. */
  killApiServer(): Promise<void>;
  /** Sends a signal to process 1 of a container: the one named, or the pod's only one. */
  signalContainer(target: ContainerTarget, signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the API server answers that it is ready. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface ContainerTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
}

/**
 * Starts Kubernetes with one real node and resolves when pods can run: about 12 s, and 10 minutes more when the programs have
 * to be built. Needs Linux and root; see {@link requireNode}.
 */
export async function startKubernetes(options: KubernetesOptions): Promise<Kubernetes> {
  const { log, signal } = options;
  await requireNode(log, signal);
  const programs = {
    cluster: await clusterProgram("cluster", log, signal),
    coredns: await clusterProgram("coredns", log, signal),
    metrics: options.metrics ? await clusterProgram("metrics", log, signal) : "",
  };
  const images = [
    await packPause(await clusterProgram("pause", log, signal), log),
    await packBusybox(log),
    ...(options.images ?? []),
  ];
  const state = await stateDirectory("kubernetes");
  // containers' processes of other users traverse it to their root file systems
  await chmod(state, 0o711);
  let holder: Daemon | undefined;
  try {
    return await step(log, "start Kubernetes", async () => {
      holder = await hold(state, programs);
      const process1 = await untilNamespaces(holder, state, signal);
      const network = await attachNetwork(process1, log);
      const enter = ["nsenter", `--net=/proc/${process1}/ns/net`, "--"];
      const { nodeAddress, hostAddress, podCidr } = network;
      await createPki(join(state, "pki"), nodeAddress, NODE);
      const snapshotter = (await overlaysWork(state)) ? "overlayfs" : "native";
      await writeNodeConfiguration({ state, nodeAddress, podCidr, snapshotter });
      await writeFile(
        join(state, "run/network.new"),
        `NODE_IP=${nodeAddress} HOST_IP=${hostAddress} POD_CIDR=${podCidr}\n`,
      );
      await rename(join(state, "run/network.new"), join(state, "run/network"));
      options.onNetwork?.({ network, enter });
      const cluster = handle({ state, network, enter, process1, holder, cluster: programs.cluster });
      await Promise.all([importAll(cluster, holder, state, images, signal), untilNode(cluster, holder, signal)]);
      if (options.metrics) await cluster.kubectl(["apply", "-f", "-"], metricsApi(nodeAddress));
      return cluster;
    });
  } catch (error) {
    await holder?.stop(STOP_GRACE_MS);
    await rm(state, { recursive: true, force: true });
    throw error;
  }
}

interface Programs {
  readonly cluster: string;
  readonly coredns: string;
  readonly metrics: string;
}

async function hold(state: string, programs: Programs): Promise<Daemon> {
  await Promise.all(["etcd", "kubelet", "containerd", "log", "run", "conf"].map((name) => mkdir(join(state, name))));
  return startDaemon({
    name: "Kubernetes",
    command: ["bash", join(import.meta.dirname, "launch.sh")],
    logFile: join(state, "log/cluster.log"),
    deathSignal: "SIGTERM",
    env: {
      PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
      NAME: state.split("/").at(-1),
      OWNER: String(process.pid),
      STATE: state,
      NODE,
      CLUSTER: programs.cluster,
      COREDNS: programs.coredns,
      METRICS: programs.metrics,
      WITH_NODE: "1",
    },
  });
}

/** Waits for the namespaces and returns the process id, as the host sees it, of their process 1. */
async function untilNamespaces(holder: Daemon, state: string, signal: AbortSignal | undefined): Promise<number> {
  const waiting = join(state, "run/waiting-for-network");
  await untilReady(holder, async () => existsSync(waiting), { timeoutMs: START_TIMEOUT_MS, signal });
  const unshare = (await readFile(join(state, "run/unshare.pid"), "utf8")).trim();
  return Number(await readFile(`/proc/${unshare}/task/${unshare}/children`, "utf8"));
}

async function overlaysWork(state: string): Promise<boolean> {
  const dir = join(state, "overlay-probe");
  const names = ["lower", "upper", "work", "merged"].map((name) => join(dir, name));
  await Promise.all(names.map((name) => mkdir(name, { recursive: true })));
  const options = `lowerdir=${dir}/lower,upperdir=${dir}/upper,workdir=${dir}/work`;
  try {
    await run("unshare", ["--mount", "mount", "-t", "overlay", "overlay", "-o", options, join(dir, "merged")]);
    return true;
  } catch {
    return false;
  }
}

async function importAll(
  cluster: Kubernetes,
  holder: Daemon,
  state: string,
  images: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const socket = join(state, "run/containerd.sock");
  const answers = (): Promise<boolean> => succeeds(run("ctr", ["--address", socket, "version"]));
  await untilReady(holder, async () => existsSync(socket) && answers(), { timeoutMs: START_TIMEOUT_MS, signal });
  for (const image of images) await cluster.importImage(image);
}

/** A pod can be created once the node is ready and the default service account exists. */
async function untilNode(cluster: Kubernetes, holder: Daemon, signal: AbortSignal | undefined): Promise<void> {
  const conditions = `jsonpath={.status.conditions[?(@.type=="Ready")].status}`;
  const checks = [
    () => cluster.kubectl(["get", "--raw", "/readyz"]).then((text) => text === "ok"),
    () => cluster.kubectl(["get", "node", NODE, "-o", conditions]).then((text) => text === "True"),
    () => cluster.kubectl(["-n", "default", "get", "serviceaccount", "default", "-o", "name"]).then(() => true),
  ];
  for (const check of checks) {
    await untilReady(holder, () => check().catch(() => false), { timeoutMs: START_TIMEOUT_MS, signal });
  }
}

interface Parts {
  readonly state: string;
  readonly network: ClusterNetwork;
  readonly enter: readonly string[];
  readonly process1: number;
  readonly holder: Daemon;
  readonly cluster: string;
}

function handle({ state, network, enter, process1, holder, cluster }: Parts): Kubernetes {
  const kubeconfig = join(state, "pki/admin.kubeconfig");
  const kubectlPath = join(cluster, "../kubectl");
  const ctr = (args: readonly string[]): Promise<string> =>
    run("ctr", ["--address", join(state, "run/containerd.sock"), "--namespace", "k8s.io", ...args]);
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    run(kubectlPath, ["--kubeconfig", kubeconfig, ...args], input === undefined ? {} : { input });
  const signals = componentSignals(state, process1);
  return {
    kubeconfig,
    kubectlPath,
    network,
    enter,
    logs: join(state, "log"),
    kubectl,
    async importImage(archive) {
      await ctr(["images", "import", archive]);
    },
    signal: signals.send,
    killApiServer: () => signals.kill("kube-apiserver"),
    async signalContainer({ namespace, pod, container }, signal) {
      const which = container === undefined ? "[0]" : `[?(@.name=="${container}")]`;
      const path = `jsonpath={.status.containerStatuses${which}.containerID}`;
      const id = await kubectl(["-n", namespace, "get", "pod", pod, "-o", path]);
      await ctr(["tasks", "kill", "--signal", signal, id.replace("containerd://", "")]);
    },
    async ready() {
      while (!(await succeeds(kubectl(["get", "--raw", "/readyz"])))) await delay(200);
    },
    async close() {
      await holder.stop(STOP_GRACE_MS);
      await rm(state, { recursive: true, force: true });
    },
  };
}

async function succeeds(result: Promise<unknown>): Promise<boolean> {
  return result.then(
    () => true,
    () => false,
  );
}
