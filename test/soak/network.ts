/** A bridge on this machine, and a network namespace for each worker, whose cable can be pulled. */
import { run } from "../env/process.ts";

/** Within 198.18.0.0/15, which is reserved for tests (RFC 2544); clusters of test/env take theirs from the front. */
const NETWORKS = 200;
const LAST_NETWORK = 255;

export interface SoakNetwork {
  /** The address of the bridge, which all workers reach. */
  readonly host: string;
  addNamespace(): Promise<WorkerNetwork>;
  close(): Promise<void>;
}

export interface WorkerNetwork {
  /** A command prefix that enters it. */
  readonly enter: readonly string[];
  /** What is sent from either side is lost without a word, as long as it is cut. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** Needs root. Everything is gone after `close`, or by `ip link del pksoakN` and `ip netns del pksoakN-…`. */
export async function openNetwork(): Promise<SoakNetwork> {
  const number = await addBridge();
  const bridge = `pksoak${number}`;
  const network = `198.18.${number}`;
  const namespaces: string[] = [];
  const ip = (...args: string[]): Promise<string> => run("ip", args);
  await ip("address", "add", `${network}.1/24`, "dev", bridge);
  await ip("link", "set", bridge, "up");
  return {
    host: `${network}.1`,
    async addNamespace() {
      const index = namespaces.length + 2;
      const namespace = `${bridge}-${index}`;
      const cable = `pks${number}v${index}`;
      await ip("netns", "add", namespace);
      namespaces.push(namespace);
      await ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace);
      await ip("link", "set", cable, "master", bridge);
      await ip("link", "set", cable, "up");
      await ip("-n", namespace, "address", "add", `${network}.${index}/24`, "dev", "eth0");
      await ip("-n", namespace, "link", "set", "eth0", "up");
      await ip("-n", namespace, "link", "set", "lo", "up");
      return {
        enter: ["ip", "netns", "exec", namespace],
        cut: async () => void (await ip("link", "set", cable, "nomaster")),
        mend: async () => void (await ip("link", "set", cable, "master", bridge)),
      };
    },
    async close() {
      for (const namespace of namespaces) await ip("netns", "del", namespace).catch(() => undefined);
      await ip("link", "del", bridge).catch(() => undefined);
    },
  };
}

/** Adding it is what reserves its number. */
async function addBridge(): Promise<number> {
  for (let number = NETWORKS; number <= LAST_NETWORK; number++) {
    try {
      await run("ip", ["link", "add", `pksoak${number}`, "type", "bridge"]);
      return number;
    } catch (error) {
      if (!String(error).includes("exists")) throw error;
    }
  }
  throw new Error("no free network for a soak: end others first, or remove what they left (ip link, ip netns)");
}
