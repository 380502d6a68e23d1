import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { systemClock } from "../../../runtime/clock.ts";
import { createKinesisSink } from "../../../worker/sink/client.ts";
import { createCredentials } from "../../../worker/sink/credentials.ts";
import { listAllShards } from "../../../worker/sink/describe.ts";
import type { Sink } from "../../../worker/sink/sink.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;

async function sinkOn(t: TestContext, answer: RequestListener): Promise<Sink> {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const limits = {
    connectTimeout: 20_000,
    requestTimeout: 20_000,
    skipCertificateValidation: false,
    clock: systemClock,
  };
  const sink = createKinesisSink({
    ...limits,
    stream: "orders",
    region: undefined,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    endpointPort: undefined,
    credentials: createCredentials({
      ...limits,
      pluginName: "",
      readParam: async () => '{"accessKey":"key","secretKey":"secret"}',
      region: undefined,
      stsEndpoint: undefined,
      stsPort: undefined,
    }),
    maxConnections: 1,
    userAgent: { name: "test", version: "1" },
  });
  t.after(() => {
    sink.close();
    server.close();
    server.closeAllConnections();
  });
  return sink;
}

/** Answers that never end, with and without a length. */
const ENDLESS: Readonly<Record<string, (count: (bytes: number) => void) => RequestListener>> = {
  "in chunks": (count) => (request, response) => {
    request.resume();
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(MIB, " "))) count(MIB);
    };
    response.on("drain", more);
    more();
  },
  "with a length": (count) => (request, response) => {
    request.resume();
    response.writeHead(200, { "content-length": 1024 * MIB });
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(MIB, " "))) count(MIB);
    };
    response.on("drain", more);
    more();
  },
};

for (const [how, endless] of Object.entries(ENDLESS)) {
  test(`an endless answer ${how} is given up after some megabytes`, async (t) => {
    let sent = 0;
    const sink = await sinkOn(
      t,
      endless((bytes) => {
        sent += bytes;
      }),
    );
    const outcome = await sink.put([{ data: Buffer.from("x"), partitionKey: "k" }], never);
    assert.equal(outcome.kind, "failed");
    assert.match(outcome.kind === "failed" ? outcome.failure.message : "", /the answer is larger than 16777216 bytes/);
    await assert.rejects(() => sink.describe(never), /the answer is larger than 16777216 bytes/);
    assert.ok(sent < 100 * MIB, `${sent} bytes`);
  });
}

test("a list of shards that never ends is given up", async () => {
  let pages = 0;
  const client = { send: async () => ({ Shards: [], NextToken: `page ${++pages}` }) } as unknown as KinesisClient;
  await assert.rejects(() => listAllShards(client, { StreamName: "orders" }, never), {
    code: "ServiceFailure",
    message: /more than 200 pages/,
  });
  assert.equal(pages, 200);
});

test("numbers of a list of shards are read as far as they can be ones", async () => {
  const list = async (shard: object) => {
    const client = { send: async () => ({ Shards: [shard] }) } as unknown as KinesisClient;
    const before = process.threadCpuUsage();
    try {
      return await listAllShards(client, { StreamName: "orders" }, never);
    } finally {
      assert.ok(process.threadCpuUsage(before).user < 500_000);
    }
  };
  const endless = "9".repeat(4 * MIB);
  await assert.rejects(
    list({ HashKeyRange: { StartingHashKey: endless, EndingHashKey: "1" } }),
    /no number of 128 bits/,
  );
  await assert.rejects(list({ HashKeyRange: { StartingHashKey: "-1", EndingHashKey: "1" } }), /no number of 128 bits/);
  const [shard] = await list({ ShardId: "a", SequenceNumberRange: { StartingSequenceNumber: endless } });
  assert.equal(shard?.startingSequenceNumber, "");
});
