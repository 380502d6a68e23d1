import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { Lease } from "../../operator/kube/lease.ts";
import { DEPLOYMENTS, LEASES } from "../../operator/kube/objects.ts";
import { PROGRAM } from "../../operator/program.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useCluster } from "./api/fixture.ts";
import { operatorEnvironment } from "./api/operator.ts";
import { sinkManifest } from "./api/sinks.ts";

const MAIN = join(import.meta.dirname, "../../operator/main.ts");

describe("two operators", { skip }, () => {
  let folder: string;
  const processes: ChildProcess[] = [];
  const cluster = useCluster(({ operatorConfig }) => {
    folder = mkdtempSync(join(tmpdir(), "operator-"));
    writeFileSync(join(folder, "kubeconfig"), operatorConfig.exportConfig());
    return async () => {
      for (const operator of processes) operator.kill("SIGKILL");
      rmSync(folder, { recursive: true });
    };
  });

  const start = (name: string): ChildProcess => {
    const environment = {
      ...operatorEnvironment(cluster),
      PATH: process.env["PATH"],
      KUBECONFIG: join(folder, "kubeconfig"),
      POD_NAME: name,
      LEADER_ELECTION: "true",
      LEADER_ELECTION_LEASE_DURATION_SECONDS: "10",
      LEADER_ELECTION_RENEW_DEADLINE_SECONDS: "8",
      LEADER_ELECTION_RETRY_PERIOD_SECONDS: "1",
    };
    const operator = spawn(process.execPath, [MAIN], { env: environment, stdio: ["ignore", "inherit", "inherit"] });
    processes.push(operator);
    return operator;
  };

  const untilLeader = async (name: string) => {
    const holds = async () => {
      const lease = (await cluster.get(LEASES, PROGRAM)) as Lease | undefined;
      assert.equal(lease?.spec.holderIdentity, name);
    };
    await eventually(`${name} leads`, holds);
  };

  const works = async (sinkName: string) => {
    await cluster.create(KINESIS_SINKS, sinkManifest(sinkName));
    await eventually(`${sinkName} is reconciled`, async () =>
      assert.ok(await cluster.get(DEPLOYMENTS, `${sinkName}-kinesis-sink`)),
    );
  };

  test("one leads; when it is killed the other takes over, and hands over at once when it is told to stop", async () => {
    const first = start("operator-a");
    await untilLeader("operator-a");
    await works("one");
    const second = start("operator-b");
    first.kill("SIGKILL");
    await untilLeader("operator-b");
    await works("two");

    start("operator-c");
    second.kill("SIGTERM");
    const [code] = await once(second, "exit");
    assert.equal(code, 0);
    await untilLeader("operator-c");
    await works("three");
  });
});
