import type { Environment } from "../env/environment.ts";
import type { FakeKinesisOptions } from "../fakes/kinesis.ts";
import type { FaultPlan } from "../fakes/kinesis-faults.ts";
import { startFakeKinesisProcess } from "../fakes/kinesis-process.ts";

/** A Kinesis endpoint that fails on demand, where pods and this process reach it. */
export interface FakeEndpoint {
  readonly endpoint: string;
  setFaults(change: Partial<FaultPlan>): Promise<void>;
  close(): Promise<void>;
}

/** Starts the fake in the cluster's network namespace. */
export async function startFakeEndpoint(environment: Environment, options: FakeKinesisOptions): Promise<FakeEndpoint> {
  const { enter, network } = environment.kubernetes;
  const { url, close } = await startFakeKinesisProcess({ ...options, host: network.nodeAddress }, enter);
  return {
    endpoint: url,
    setFaults: async (change) => {
      const init = { method: "POST", body: JSON.stringify(change), signal: AbortSignal.timeout(60_000) };
      const { ok, status } = await fetch(`${url}/control/faults`, init);
      if (!ok) throw new Error(`the fake Kinesis endpoint answered ${status}`);
    },
    close,
  };
}
