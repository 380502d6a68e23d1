import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { FakeKinesisOptions } from "./kinesis.ts";

export interface FakeKinesisProcess {
  readonly url: string;
  readonly tlsUrl: string;
  close(): Promise<void>;
}

/**
 * The fake in a process of its own, so that its CPU time is not the client's. Steer it over HTTP.
 * @param enter a command prefix that enters the network namespace to run in
 */
export async function startFakeKinesisProcess(
  options: FakeKinesisOptions,
  enter: readonly string[] = [],
): Promise<FakeKinesisProcess> {
  // Its standard input ends with this process, however this process ends.
  const main = join(import.meta.dirname, "kinesis-main.ts");
  const [command = "", ...args] = [...enter, process.execPath, main, JSON.stringify(options)];
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [line] = (await Promise.race([
    once(child.stdout, "data"),
    ended.then(() => Promise.reject(new Error("the fake Kinesis endpoint ended at its start"))),
  ])) as [Buffer];
  const addresses = JSON.parse(line.toString()) as { url: string; tlsUrl: string };
  return {
    ...addresses,
    async close() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
