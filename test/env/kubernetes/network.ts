import { type Log, run } from "../process.ts";

/** 198.18.0.0/15 is reserved for tests (RFC 2544): cluster n has its link in the first half, its pods in the second. */
const CLUSTERS = 256;

export interface ClusterNetwork {
  /** The host's end of the link: `pk<n>`. The kernel removes it, its addresses and routes with the cluster. */
  readonly link: string;
  /** The node's address, which the host and the pods reach. */
  readonly nodeAddress: string;
  /** The host's address on the link, which the node and the pods reach. */
  readonly hostAddress: string;
  readonly podCidr: string;
}

/** Links the network namespace of process `pid` to the host, with addresses that nothing on this machine uses. */
export async function attachNetwork(pid: number, log: Log): Promise<ClusterNetwork> {
  const routes = await usedDestinations();
  for (let n = 0; n < CLUSTERS; n++) {
    const network: ClusterNetwork = {
      link: `pk${n}`,
      hostAddress: `198.18.${n}.1`,
      nodeAddress: `198.18.${n}.2`,
      podCidr: `198.19.${n}.0/24`,
    };
    if (routes.some((route) => contains(route, network.nodeAddress) || contains(route, `198.19.${n}.1`))) continue;
    if (!(await addLink(network.link, pid))) continue;
    await run("ip", ["address", "add", `${network.hostAddress}/30`, "dev", network.link]);
    await run("ip", ["link", "set", network.link, "up"]);
    await run("ip", ["route", "add", network.podCidr, "via", network.nodeAddress]);
    log(`network ${network.link}: node ${network.nodeAddress}, pods ${network.podCidr}`);
    return network;
  }
  throw new Error(`no free network among 198.18.0.0/24 to 198.18.${CLUSTERS - 1}.0/24: end other environments first`);
}

/** Adding a link is what reserves its number: it fails when another cluster has it. */
async function addLink(link: string, pid: number): Promise<boolean> {
  try {
    await run("ip", ["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", String(pid)]);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes("exists")) return false;
    throw error;
  }
}

/** Destinations of the machine's routes but the default one. */
async function usedDestinations(): Promise<string[]> {
  const output = await run("ip", ["-4", "route", "show"]);
  return output
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((destination) => /^\d/.test(destination));
}

/** Whether `address` is inside `cidr` (an address without a length is itself). */
export function contains(cidr: string, address: string): boolean {
  const [base = "", length = "32"] = cidr.split("/");
  const shift = 2 ** (32 - Number(length));
  return Math.floor(toNumber(base) / shift) === Math.floor(toNumber(address) / shift);
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
