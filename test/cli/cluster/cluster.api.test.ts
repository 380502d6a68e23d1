import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KinesisSink } from "../../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../../crds/resource.ts";
import { goodManifest } from "../../crds/good-manifest.ts";
import { skip } from "../../operator/api/cluster.ts";
import { useCluster } from "../../operator/api/fixture.ts";
import { commandLine } from "../command-line.ts";

describe("commands on a real API server, without an operator", { skip }, () => {
  const cluster = useCluster();
  const run = (...args: readonly string[]) => commandLine([...args, "-n", cluster.namespace]);

  async function create(name: string): Promise<void> {
    const { spec } = goodManifest;
    await cluster.create(KINESIS_SINKS, { metadata: { name, labels: { team: name } }, spec } as never);
  }

  it("pause and resume a sink, and change nothing else of it", async () => {
    await create("orders");
    const read = () => cluster.get<KinesisSink & { metadata: object }>(KINESIS_SINKS, "orders");
    const before = await read();
    assert.deepEqual((await run("pause", "-l", "team=orders")).stdout, `${cluster.namespace}/orders paused\n`);
    assert.equal((await read())?.spec.paused, true);
    assert.equal((await run("resume", "orders")).code, 0);
    assert.deepEqual((await read())?.spec, before?.spec);
  });

  it("tell of a sink that no operator has looked at", async () => {
    await create("clicks");
    const status = await run("status", "clicks");
    assert.equal(status.code, 1);
    assert.match(status.stdout, /clicks +Unknown .*the operator has not looked at it yet/);
    const why = await run("why", "clicks");
    assert.deepEqual([why.code, why.stderr], [1, ""]);
    assert.match(why.stdout, /clicks is not known.*\n.*see whether it runs/);
  });

  it("say that a sink is not there", async () => {
    const { code, stderr } = await run("why", "nothing");
    assert.equal(code, 1);
    assert.match(stderr, /there is no KinesisSink/);
  });
});
