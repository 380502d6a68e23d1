/**
 * CPU time of PutRecords in the client, the SDK's own serialisation beside ours, against the fake endpoint in another
 * process: `scripts/node test/bench/programs/put-records.ts [seconds per row] [part of the row's name]`.
 */
import { Agent } from "node:http";
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { systemClock } from "../../../runtime/clock.ts";
import { createKinesisSink } from "../../../worker/sink/client.ts";
import { createCredentials } from "../../../worker/sink/credentials.ts";
import type { KinesisRecord } from "../../../worker/sink/sink.ts";
import { startFakeKinesisProcess } from "../../fakes/kinesis-process.ts";
import { print } from "../harness/table.ts";

const CONNECTIONS = 8;
const seconds = Number(process.argv[2] ?? 3);
const wanted = process.argv[3] ?? "";
const keys = { accessKeyId: "key", secretAccessKey: "secret" };
const never = new AbortController().signal;

type Put = (records: readonly KinesisRecord[]) => Promise<void>;

function sdkPut(endpoint: string): Put {
  const requestHandler = new NodeHttpHandler({ httpAgent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) });
  const client = new KinesisClient({
    region: "us-east-1",
    endpoint,
    credentials: keys,
    maxAttempts: 1,
    requestHandler,
  });
  return async (records) => {
    const Records = records.map(({ data, partitionKey }) => ({ Data: data, PartitionKey: partitionKey }));
    const answer = await client.send(new PutRecordsCommand({ StreamName: "bench", Records }));
    if (answer.FailedRecordCount !== 0) throw new Error("a record failed");
  };
}

function sinkPut(endpoint: string): Put {
  const timeouts = { connectTimeout: 6000, requestTimeout: 6000, skipCertificateValidation: false, clock: systemClock };
  const credentials = createCredentials({
    ...timeouts,
    pluginName: "",
    readParam: async () => '{"accessKey":"key","secretKey":"secret"}',
    region: undefined,
    stsEndpoint: undefined,
    stsPort: undefined,
  });
  const sink = createKinesisSink({
    ...timeouts,
    stream: "bench",
    region: undefined,
    endpoint,
    endpointPort: undefined,
    credentials,
    maxConnections: CONNECTIONS,
    userAgent: { name: "bench", version: "1" },
  });
  return async (records) => {
    const outcome = await sink.put(records, never);
    if (outcome.kind !== "answered" || !outcome.records.every((record) => record.accepted)) {
      throw new Error(JSON.stringify(outcome).slice(0, 500));
    }
  };
}

async function run(put: Put, records: readonly KinesisRecord[], ms: number): Promise<number> {
  const until = performance.now() + ms;
  let requests = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      await put(records);
      requests += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  return requests;
}

const fake = await startFakeKinesisProcess({ streams: { bench: 4 }, keepRecords: false });
try {
  const shapes: readonly [string, number, number, number][] = [
    ["500 records of 200 B", 500, 200, 500],
    ["20 aggregates of 50 KiB (250 user records each)", 20, 51_200, 20 * 250],
    ["1 record of 200 B", 1, 200, 1],
  ];
  for (const [name, count, bytes, userRecords] of shapes) {
    const records = Array.from({ length: count }, (_, index) => ({
      data: Buffer.alloc(bytes, index),
      partitionKey: `key-${index}`,
    }));
    for (const [path, put] of [
      ["SDK", sdkPut(fake.url)],
      ["lean", sinkPut(fake.url)],
    ] as const) {
      const row = `${name}, ${path}`;
      if (!row.includes(wanted)) continue;
      await run(put, records, 1000);
      const before = process.cpuUsage();
      const started = performance.now();
      const requests = await run(put, records, seconds * 1000);
      const { user, system } = process.cpuUsage(before);
      const elapsed = performance.now() - started;
      const perRequest = (user + system) / requests;
      print(
        `${row}: ${(perRequest / userRecords).toFixed(2)} µs CPU per user record, ${perRequest.toFixed(0)} µs per request ` +
          `(system ${Math.round(system / requests)}), ${Math.round((requests / elapsed) * 1000)} requests/s`,
      );
    }
  }
} finally {
  await fake.close();
}
process.exit();
