import { EXIT, type ExitCode, type Io, printLine, warnLine } from "../io.ts";
import type { Cluster } from "./access.ts";
import { sinkPods } from "./pods.ts";
import { getSink } from "./sinks.ts";
import { sinkState } from "./status.ts";
import { whyPage } from "./why.ts";

/** `kinesis-sink why`: good when the sink is ready, or stopped because somebody wished it. */
export async function whyCommand(name: string, cluster: Cluster, now: number, io: Io): Promise<ExitCode> {
  const sink = await getSink(cluster, name);
  const { pods, note } = await sinkPods(cluster, sink);
  for (const line of whyPage(sink, pods, now)) printLine(io, line);
  if (note !== null) warnLine(io, note);
  return ["Ready", "Paused"].includes(sinkState(sink)) ? EXIT.good : EXIT.bad;
}
