import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { goodManifest, mergePatch } from "../../crds/good-manifest.ts";
import { commandLine } from "../command-line.ts";

const PLUGIN = "org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin";

function sink(serviceUrl: string, awsEndpoint: string, more: object = {}): string {
  const spec = {
    config: { awsEndpoint, connectTimeout: 500, requestTimeout: 500, ...more },
    pulsar: { serviceUrl },
  };
  return JSON.stringify(mergePatch(goodManifest, { spec } as never));
}

describe("check", () => {
  const silent = createServer();
  before(() => new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve)));
  after(() => silent.close());

  test("tells of both sides at once, each with its cause and remedy", async () => {
    const { code, stdout } = await commandLine(
      ["check", "-f", "-"],
      sink("pulsar://127.0.0.1:1", "http://127.0.0.1:1"),
    );
    assert.equal(code, 1);
    assert.match(stdout, /^✗ broker: BrokerUnreachable: cannot reach .*check spec\.pulsar\.serviceUrl/m);
    assert.match(stdout, /^– subscription default\.orders: is looked at by spec\.pulsar\.adminUrl/m);
    assert.match(stdout, /^✗ stream: SecretMissing: Secret aws-orders.*--secret aws-orders\/credentials\.json=FILE$/m);
  });

  test("gives up what does not answer", async () => {
    const { port } = silent.address() as AddressInfo;
    const text = sink(`pulsar://127.0.0.1:${port}`, "http://127.0.0.1:1", { awsCredentialPluginName: PLUGIN });
    const { code, stdout } = await commandLine(["check", "-f", "-", "--timeout", "1", "-o", "json"], text);
    assert.equal(code, 1);
    const [broker] = JSON.parse(stdout).findings;
    assert.equal(broker.result, "bad");
    assert.match(broker.message, /no answer in the time for all of it/);
  });

  test("looks at a manifest first", async () => {
    const { code, stdout, stderr } = await commandLine(["check", "-f", "-"], sink("http://pulsar:8080", ""));
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /spec\.pulsar\.serviceUrl: must be pulsar:/);
  });
});
