import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../until.ts";
import { startKubernetes } from "./kubernetes/cluster.ts";
import { run } from "./process.ts";

const POD = `{ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "sleeper" }, "spec": { "containers": [
  { "name": "sleep", "image": "localhost/busybox:1", "imagePullPolicy": "Never", "command": ["sleep", "600"] } ] } }`;

/** What a cluster of the owner with this process id leaves on the machine, if anything. */
async function remains(owner: number, link: string): Promise<string[]> {
  const prefix = `pulsar-kinesis-${owner}-kubernetes`;
  const links = (await run("ip", ["-brief", "link"])).split("\n").filter((line) => line.startsWith(`${link}@`));
  const directories = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix));
  const groups = globSync(`/sys/fs/cgroup/**/${prefix}*`, { exclude: (name) => String(name).includes("kubepods") });
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").filter((line) => line.includes(prefix));
  const processes = (await run("ps", ["-eo", "args"])).split("\n").filter((line) => line.includes(prefix));
  return [...links, ...directories, ...groups, ...mounts, ...processes];
}

/** The kernel takes a link away some time after the last process of its network namespace. */
async function nothingRemains(owner: number, link: string): Promise<void> {
  let left: string[] = [];
  const gone = async (): Promise<boolean> => {
    left = await remains(owner, link);
    return left.length === 0;
  };
  await until("nothing is left", gone, { pollMs: 100, last: () => left.join("\n") });
}

test("two clusters run at once, pods run in each, and closing leaves nothing behind", async () => {
  const log = (): void => undefined;
  const clusters = await Promise.all([startKubernetes({ log }), startKubernetes({ log })]);
  try {
    await Promise.all(
      clusters.map(async (cluster) => {
        await cluster.kubectl(["apply", "-f", "-"], POD);
        await cluster.kubectl(["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=180s"]);
        assert.equal(
          (await remains(process.pid, cluster.network.link)).length > 0,
          true,
          "the check sees a running cluster",
        );
      }),
    );
    const [one, two] = clusters.map((cluster) => cluster.network);
    assert.notEqual(one?.nodeAddress, two?.nodeAddress);
    assert.notEqual(one?.podCidr, two?.podCidr);
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.close()));
  }
  for (const { network } of clusters) await nothingRemains(process.pid, network.link);
});

test("a cluster whose owner is killed disappears with it", async () => {
  const program = `
    const { startKubernetes } = await import(process.argv[1]);
    const { network } = await startKubernetes({ log: () => undefined });
    console.log(network.link);
    setInterval(() => {}, 1000);`;
  const module = join(import.meta.dirname, "kubernetes/cluster.ts");
  const owner = spawn(process.execPath, ["--input-type=module", "-e", program, module], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(owner.stdout, "data");
  const [pid, link] = [owner.pid ?? 0, String(line).trim()];
  assert.notDeepEqual(await remains(pid, link), []);
  owner.kill("SIGKILL");
  await once(owner, "exit");
  await nothingRemains(pid, link);
});

test("with metrics, the cluster serves what its pods and node use", async () => {
  const cluster = await startKubernetes({ log: () => undefined, metrics: true });
  try {
    const top = () => cluster.kubectl(["top", "node", "--no-headers"]);
    await until("the node's use is served", async () => /^node1\s+\d+m\s/.test(await top()));
  } finally {
    await cluster.close();
  }
});
