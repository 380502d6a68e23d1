import { clusterProgram, helmProgram } from "./kubernetes/binaries.ts";
import { requireNode } from "./prerequisites.ts";
import { pulsarHome } from "./pulsar/distribution.ts";

/** Fills the cache: everything that {@link startEnvironment} would otherwise build or fetch. */
export async function build(options: { readonly metrics: boolean }): Promise<number> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  await requireNode(log);
  // fetching waits for the network while the compiler works
  const pulsar = pulsarHome(log);
  pulsar.catch(() => undefined);
  for (const name of ["cluster", "coredns", "pause"] as const) await clusterProgram(name, log);
  if (options.metrics) await clusterProgram("metrics", log);
  await helmProgram(log);
  await pulsar;
  return 0;
}
