import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { PATIENCE_MS } from "../until.ts";

/** Everything that `kubectl get --watch` shows of all KinesisSinks: no state in between is missed, as polling would. */
export interface SinkWatch {
  /** Every state of a sink that was seen so far. */
  history(namespace: string, name: string): readonly KinesisSink[];
  /** Waits until the last state seen `holds`. @throws after `timeoutMs`, with the last status in the message */
  until(
    namespace: string,
    name: string,
    what: string,
    holds: (sink: KinesisSink) => boolean,
    timeoutMs?: number,
  ): Promise<KinesisSink>;
  close(): Promise<void>;
}

/** Uses the `kubectl` of the PATH and the KUBECONFIG of the environment. */
export function watchSinks(): SinkWatch {
  // each state on a line of its own
  const args = ["get", "kinesissinks", "--all-namespaces", "--watch", "-o", 'jsonpath={@}{"\\n"}'];
  const child = spawn("kubectl", args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const states = new Map<string, KinesisSink[]>();
  const seen = new EventEmitter().setMaxListeners(100);
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.trim() === "") return;
    const sink = JSON.parse(line) as KinesisSink;
    const key = `${sink.metadata.namespace}/${sink.metadata.name}`;
    const known = states.get(key);
    if (known === undefined) states.set(key, [sink]);
    else known.push(sink);
    seen.emit(key);
  });
  const history: SinkWatch["history"] = (namespace, name) => states.get(`${namespace}/${name}`) ?? [];
  return {
    history,
    until: async (namespace, name, what, holds, timeoutMs = PATIENCE_MS) => {
      const deadline = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const last = history(namespace, name).at(-1);
        if (last !== undefined && holds(last)) return last;
        const over = await Promise.race([
          once(seen, `${namespace}/${name}`, { signal: deadline }).then(
            () => null,
            () => `not within ${timeoutMs / 1000} s`,
          ),
          ended.then(() => "kubectl get --watch ended before"),
        ]);
        if (over === null) continue;
        throw new Error(`${over}: KinesisSink ${namespace}/${name}: ${what}\n${JSON.stringify(last?.status, null, 2)}`);
      }
    },
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
