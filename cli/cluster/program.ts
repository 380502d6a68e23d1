import { type Command, Option } from "commander";
import { EXIT, type ExitCode, type Io, warnLine } from "../io.ts";
import { type Cluster, type ClusterOptions, openCluster } from "./access.ts";
import { RefusedError, type Selection } from "./sinks.ts";

interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly selector?: string;
  readonly allNamespaces?: true;
  readonly output?: "text" | "json";
}

/** Registers the commands that talk to a cluster. @param add makes a command with what all of them have */
export function addClusterCommands(add: (name: string) => Command, io: Io, end: (code: ExitCode) => void): void {
  const act = async (flags: ClusterFlags, action: (cluster: Cluster) => Promise<ExitCode>): Promise<void> => {
    const cluster = await openCluster(clusterOptions(flags));
    try {
      end(await action(cluster));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      warnLine(io, error.message);
      end(EXIT.bad);
    } finally {
      cluster.client.close();
    }
  };
  selecting(add("status").argument("[NAME...]", "sinks; all of the namespace by default"))
    .description("tell how sinks do; exit code 1 when one is neither ready nor stopped on purpose")
    .addOption(new Option("-o, --output <format>", "what to print").choices(["text", "json"]).default("text"))
    .action((names: string[], flags: ClusterFlags) =>
      act(flags, async (cluster) => {
        const { statusCommand } = await import("./status.ts");
        const output = flags.output === "json" ? "json" : "text";
        return await statusCommand({ ...selection(names, flags), output }, cluster, io);
      }),
    );
  inCluster(add("why").argument("<NAME>", "a sink"))
    .description("tell on one page why a sink does what it does: conditions, pods, causes and remedies")
    .action((name: string, flags: ClusterFlags) =>
      act(flags, async (cluster) => {
        const { whyCommand } = await import("./why-command.ts");
        return await whyCommand(name, cluster, Date.now(), io);
      }),
    );
  for (const [command, paused, description] of [
    ["pause", true, "stop sinks, which keep their place in the topics"],
    ["resume", false, "let paused sinks go on"],
  ] as const) {
    selecting(add(command).argument("[NAME...]", "sinks"))
      .description(description)
      .action((names: string[], flags: ClusterFlags) =>
        act(flags, async (cluster) => {
          const { pauseCommand } = await import("./pause.ts");
          return await pauseCommand(selection(names, flags), paused, cluster, io);
        }),
      );
  }
}

function inCluster(command: Command): Command {
  return command
    .option("--kubeconfig <file>", "as kubectl's")
    .option("--context <name>", "as kubectl's")
    .option("-n, --namespace <name>", "as kubectl's");
}

function selecting(command: Command): Command {
  return inCluster(command)
    .option("-l, --selector <labels>", "those with these labels, as kubectl's")
    .option("-A, --all-namespaces", "of all namespaces");
}

function clusterOptions({ kubeconfig, context, namespace }: ClusterFlags): ClusterOptions {
  return { kubeconfig, context, namespace };
}

function selection(names: readonly string[], { selector, allNamespaces }: ClusterFlags): Selection {
  return { names, selector, allNamespaces: allNamespaces ?? false };
}
