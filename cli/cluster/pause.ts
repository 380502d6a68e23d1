import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import { EXIT, type ExitCode, type Io, printLine, UsageError, warnLine } from "../io.ts";
import type { Cluster } from "./access.ts";
import { asked, findSinks, RefusedError, type Selection, sinkPath } from "./sinks.ts";

/** `kinesis-sink pause` and `resume`: sets `spec.paused`, of each sink by itself, and goes on after one that it may not. */
export async function pauseCommand(selection: Selection, paused: boolean, cluster: Cluster, io: Io): Promise<ExitCode> {
  if (selection.names.length === 0 && selection.selector === undefined && !selection.allNamespaces) {
    throw new UsageError("name the sinks, or choose them with -l or -A");
  }
  const sinks = await findSinks(cluster, selection);
  if (sinks.length === 0) warnLine(io, "no KinesisSink is chosen by that");
  const refused: string[] = [];
  for (const sink of sinks) {
    const done = `${sinkPath(sink)} ${paused ? "paused" : "resumed"}`;
    if (sink.spec.paused === paused) {
      printLine(io, `${sinkPath(sink)} ${paused ? "is paused already" : "is not paused"}`);
      continue;
    }
    try {
      await setPaused(cluster, sink, paused);
      printLine(io, done);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      refused.push(error.message);
      warnLine(io, error.message);
    }
  }
  return refused.length === 0 && sinks.length > 0 ? EXIT.good : EXIT.bad;
}

async function setPaused({ client }: Cluster, sink: KinesisSink, paused: boolean): Promise<void> {
  const { namespace = "", name, uid } = sink.metadata;
  await asked(
    client.request({
      method: "PATCH",
      path: objectPath(KINESIS_SINKS, namespace, name),
      query: { fieldManager: "kinesis-sink" },
      contentType: "application/merge-patch+json",
      // The uid: not another sink that took the name meanwhile.
      body: { metadata: { uid }, spec: { paused } },
    }),
    `${sinkPath(sink)} was deleted meanwhile`,
  );
}
