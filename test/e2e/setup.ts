/**
 * Global set-up of the tests on real parts: one environment for all test files, which run in this process
 * (`--test-isolation=none`). Its addresses are in the process's environment too, as `make env-up` prints them.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Environment, startEnvironment } from "../env/environment.ts";
import { packOperatorImage } from "../env/image/operator-image.ts";
import { installOperator, type Stage, stage } from "./stage.ts";

export const CHART = join(import.meta.dirname, "../../charts/kinesis-sink-operator");

interface Parts {
  readonly environment: Environment;
  readonly stage: Stage;
}

let parts: Parts | null = null;
let installing: Promise<void> | null = null;

/** The environment that the set-up started. */
export function theEnvironment(): Environment {
  return started().environment;
}

export function theStage(): Stage {
  return started().stage;
}

/** Installs the operator by its chart, once for all test files that need it. */
export function operatorInstalled(): Promise<void> {
  installing ??= install();
  return installing;
}

async function install(): Promise<void> {
  // Tests without the chart may have left a definition, which no release owns.
  await theStage().kube.kubectl(["delete", "crd", "kinesissinks.pulsar-kinesis.io", "--ignore-not-found"]);
  await installOperator(theStage(), CHART);
}

function started(): Parts {
  if (parts === null) throw new Error("run with --test-isolation=none --test-global-setup=test/e2e/setup.ts");
  return parts;
}

/** Starts environment and image; also used by the demo. */
export async function startLocalStage(log: (line: string) => void, signal?: AbortSignal): Promise<Parts> {
  const directory = await mkdtemp(join(tmpdir(), "operator-image-"));
  let environment: Environment | null = null;
  try {
    const [started, image] = await Promise.all([startEnvironment({ log, signal }), packOperatorImage(directory, log)]);
    environment = started;
    await started.kubernetes.importImage(image.archive);
    const { kubeconfig, kubectlPath } = started.kubernetes;
    const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: `${dirname(kubectlPath)}:${process.env["PATH"]}` };
    return {
      environment: started,
      stage: stage({
        kubectl: (args, input) => started.kubernetes.kubectl(args, input),
        helm: async (args) => (await promisify(execFile)(started.helmPath, [...args], { env })).stdout,
        serviceUrl: started.pulsar.serviceUrl,
        adminUrl: started.pulsar.adminUrl,
        kinesisEndpoint: started.kinesis.endpoint,
        image: image.name,
      }),
    };
  } catch (error) {
    await environment?.close();
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function globalSetup(): Promise<void> {
  parts = await startLocalStage((line) => console.error(line));
  const { kubernetes, pulsar, kinesis, helmPath } = parts.environment;
  process.env["KUBECONFIG"] = kubernetes.kubeconfig;
  process.env["PULSAR_SERVICE_URL"] = pulsar.serviceUrl;
  process.env["PULSAR_ADMIN_URL"] = pulsar.adminUrl;
  process.env["KINESIS_ENDPOINT"] = kinesis.endpoint;
  process.env["PATH"] = [dirname(kubernetes.kubectlPath), dirname(helmPath), process.env["PATH"]].join(":");
}

export async function globalTeardown(): Promise<void> {
  await parts?.environment.close();
}
