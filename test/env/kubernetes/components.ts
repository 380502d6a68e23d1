import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../process.ts";

export type Component =
  | "containerd"
  | "coredns"
  | "etcd"
  | "kube-apiserver"
  | "kube-controller-manager"
  | "kube-proxy"
  | "kube-scheduler"
  | "kubelet"
  | "metrics-server";

export interface ComponentSignals {
  send(component: Component, signal: NodeJS.Signals): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(component: Component): Promise<void>;
}

/** Signals to the components of the cluster whose namespaces' process 1 is `process1` on the host. */
export function componentSignals(state: string, process1: number): ComponentSignals {
  const inside = (args: readonly string[]): Promise<string> =>
    run("nsenter", ["--target", String(process1), "--pid", "--mount", "--", ...args]);
  // the file holds the process id inside the namespaces, which is the next one's as soon as it is started again
  const pidOf = async (component: Component): Promise<string> =>
    (await readFile(join(state, "run", `${component}.pid`), "utf8")).trim();
  const send = async (component: Component, signal: NodeJS.Signals): Promise<void> => {
    await inside(["kill", "-s", signal.slice(3), await pidOf(component)]);
  };
  return {
    send,
    async kill(component) {
      const pid = await pidOf(component);
      await send(component, "SIGKILL");
      while (
        await inside(["kill", "-0", pid]).then(
          () => true,
          () => false,
        )
      )
        await delay(20);
    },
  };
}
