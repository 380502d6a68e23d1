import { execFile } from "node:child_process";
import { once } from "node:events";
import { CHART, startLocalStage } from "../e2e/setup.ts";
import { type Stage, stage } from "../e2e/stage.ts";

export interface OpenStage {
  readonly stage: Stage;
  /** The chart's folder. */
  readonly chart: string;
  close(): Promise<void>;
}

/** What `make demo CLUSTER=current` takes from the environment, and what for. */
const VARIABLES = {
  PULSAR_SERVICE_URL: "the broker as this machine and the pods reach it, for example pulsar://10.0.0.5:6650",
  PULSAR_ADMIN_URL: "its admin REST API, for example http://10.0.0.5:8080",
  KINESIS_ENDPOINT: "a Kinesis emulator as this machine and the pods reach it, for example http://10.0.0.5:4567",
  IMAGE: "repository:tag of the operator's image where the cluster's nodes find it (make image builds it)",
} as const;

/** The local environment, or the cluster of the current kubectl context. */
export async function openStage(
  cluster: "local" | "current",
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<OpenStage> {
  if (cluster === "current") return { stage: currentStage(), chart: CHART, close: async () => {} };
  const local = await startLocalStage(log, signal);
  return { stage: local.stage, chart: CHART, close: () => local.environment.close() };
}

function currentStage(): Stage {
  const missing = Object.entries(VARIABLES).filter(([name]) => !process.env[name]);
  if (missing.length > 0) {
    const lines = missing.map(([name, meaning]) => `  ${name}: ${meaning}`);
    throw new Error(`CLUSTER=current needs these variables of the environment:\n${lines.join("\n")}`);
  }
  const variable = (name: keyof typeof VARIABLES): string => process.env[name] ?? "";
  return stage({
    kubectl: (args, input) => command("kubectl", args, input),
    helm: (args) => command("helm", args),
    serviceUrl: variable("PULSAR_SERVICE_URL"),
    adminUrl: variable("PULSAR_ADMIN_URL"),
    kinesisEndpoint: variable("KINESIS_ENDPOINT"),
    image: variable("IMAGE"),
  });
}

/** Runs a program of the PATH, which must be there, and returns what it printed. */
async function command(program: string, args: readonly string[], input?: string): Promise<string> {
  let output = "";
  let errors = "";
  const child = execFile(program, [...args], { maxBuffer: 64 * 1024 * 1024 });
  child.stdout?.on("data", (text) => (output += text));
  child.stderr?.on("data", (text) => (errors += text));
  child.stdin?.end(input ?? "");
  const [code] = await once(child, "close").catch((error: unknown) => {
    throw new Error(`${program} cannot be run: install it, or check the PATH (${String(error)})`);
  });
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${errors.trim()}`);
  return output;
}
