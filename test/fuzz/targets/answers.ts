/** Answers over HTTP: of Kinesis, an OAuth 2.0 issuer, Pulsar's admin REST API and the Kubernetes API server. */
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { KINESIS_SINKS } from "../../../crds/resource.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { createKubeClient } from "../../../runtime/kube/client.ts";
import { ApiError, ApiUnreachableError } from "../../../runtime/kube/errors.ts";
import { createStatusApply } from "../../../runtime/kube/status-apply.ts";
import { createPulsarAdmin } from "../../../worker/pulsar-admin.ts";
import { createBacklog } from "../../../worker/report/backlog.ts";
import { createKinesisSink } from "../../../worker/sink/client.ts";
import { createCredentials } from "../../../worker/sink/credentials.ts";
import { isAfter } from "../../../worker/sink/sequence-number.ts";
import { createShardMap } from "../../../worker/sink/shard-map.ts";
import { type RecordOutcome, SinkError, type SinkFailure } from "../../../worker/sink/sink.ts";
import { oauth2Authentication } from "../../../worker/source/broker/oauth2.ts";
import { SourceError } from "../../../worker/source/source.ts";
import { silentLog } from "../../silent-log.ts";
import type { Choices } from "../choices.ts";
import { mutatedBytes, mutatedJson } from "../mutations-of-bytes.ts";
import { ensure, type Meter, type Target, TURN_MILLIS } from "../target.ts";

const MOST_BODY = 4 << 20;
/** Parsing an answer and its error, for each MiB of it: the SDK looks at every member. */
const MILLIS_PER_MIB = 600;
/** What people see of a failure stays this short, characters. */
const MOST_MESSAGE = 4_096;
const REQUEST_TIMEOUT_MS = 2_000;

interface AnswerInput {
  readonly asked: string;
  readonly head: Buffer;
  readonly body: Buffer;
  /** The connection ends behind the body. */
  readonly ends: boolean;
}

const RECORDS = 3;
const RESULT = { SequenceNumber: "49590338271490256608559692538361571095921575989136588898", ShardId: "shardId-0" };
const ACCEPTED = {
  FailedRecordCount: 1,
  Records: [RESULT, RESULT, { ErrorCode: "InternalFailure", ErrorMessage: "no" }],
};
const REFUSED = { __type: "com.amazonaws.kinesis#ResourceNotFoundException", message: "Stream orders is not found" };
const SUMMARY = {
  StreamDescriptionSummary: {
    ...{ StreamName: "orders", StreamARN: "arn:aws:kinesis:us-east-1:1:stream/orders", StreamStatus: "ACTIVE" },
    ...{ OpenShardCount: 2, MaxRecordSizeInKiB: 1024, StreamModeDetails: { StreamMode: "PROVISIONED" } },
  },
};
const SHARDS = {
  Shards: [
    {
      ...{ ShardId: "shardId-0", HashKeyRange: { StartingHashKey: "0", EndingHashKey: "170141183460469231731" } },
      SequenceNumberRange: { StartingSequenceNumber: RESULT.SequenceNumber },
    },
  ],
};
const TOKEN = { access_token: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", token_type: "Bearer", expires_in: 3600 };
const STATS = { subscriptions: { s: { msgBacklog: 5, activeConsumerName: "w" } } };
const STATUS = {
  ...{ kind: "Status", status: "Failure", reason: "Invalid", code: 422 },
  message: '.status.workers[pod="x"].mood: field not declared in schema',
};
const OBJECT = { kind: "KinesisSink", metadata: { name: "orders", resourceVersion: "7" }, status: { workers: [] } };

/** What is asked, with sound answers to it. */
const ASKED: Readonly<Record<string, readonly unknown[]>> = {
  put: [ACCEPTED, REFUSED],
  describe: [SUMMARY, REFUSED],
  list: [SHARDS, REFUSED],
  issuer: [{ token_endpoint: "http://127.0.0.1:1/token" }],
  token: [TOKEN],
  admin: [STATS],
  header: [STATS],
  object: [OBJECT, STATUS],
  status: [STATUS],
};

const HEADS: readonly string[] = [
  "content-type: application/x-amz-json-1.1",
  "x-amzn-requestid: request-1",
  "x-amzn-errortype: ThrottlingException:http://internal.amazon.com/",
  "x-amzn-query-error: a;b",
  "date: Thu, 01 Jan 1970 00:00:00 GMT",
  "retry-after: 5",
  "location: http://127.0.0.1:1/",
  "content-encoding: gzip",
  "x-pulsar-base64-schema-version: AAAAAAAAAAA=",
];

function headOf(choices: Choices): Buffer {
  const status = choices.pick([200, 201, 204, 301, 307, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 599, 999]);
  const lines = Array.from({ length: choices.below(4) }, () => choices.pick(HEADS));
  const head = Buffer.from([`HTTP/1.1 ${status} Any`, ...lines].join("\r\n"), "latin1");
  return choices.chance(0.2) ? mutatedBytes(head, choices, 1 << 15) : head;
}

/** The server's half: each request gets the input's answer, but those that lead there. */
class AnsweringServer {
  readonly #server: Server;
  input: AnswerInput | null = null;

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume().on("end", () => {
        const { socket } = response;
        if (socket === null || this.input === null) return;
        const leadsThere = request.url?.includes(".well-known") === true && this.input.asked === "token";
        if (!leadsThere) this.#answer(socket, this.input);
        else response.end(JSON.stringify({ token_endpoint: `${this.url}/token` }));
      });
    });
    this.#server.on("clientError", (_, socket) => socket.destroy());
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer(socket: Socket, { head, body, ends }: AnswerInput): void {
    const length = ends ? "" : `\r\ncontent-length: ${body.length}`;
    socket.write(Buffer.concat([head, Buffer.from(`${length}\r\nconnection: close\r\n\r\n`, "latin1"), body]));
    socket.end();
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const never = new AbortController().signal;

type Ask = (meter: Meter) => Promise<string>;

function sinkOn(endpoint: string) {
  const limits = { connectTimeout: 1_000, requestTimeout: REQUEST_TIMEOUT_MS, skipCertificateValidation: true };
  const credentials = createCredentials({
    ...{ ...limits, clock: systemClock, pluginName: "", region: undefined, stsEndpoint: undefined, stsPort: undefined },
    readParam: async () => '{"accessKey":"key","secretKey":"secret"}',
  });
  return createKinesisSink({
    ...{ ...limits, stream: "orders", region: undefined, endpoint, endpointPort: undefined, credentials },
    ...{ maxConnections: 2, userAgent: { name: "fuzz", version: "1" }, clock: systemClock },
  });
}

function checkFailure({ code, message }: SinkFailure): string {
  ensure(typeof code === "string" && message.length <= MOST_MESSAGE, `a message of ${message.length} characters`);
  return code;
}

function checkRecord(outcome: RecordOutcome): void {
  if (!outcome.accepted) {
    checkFailure(outcome.failure);
    return;
  }
  const { shardId, sequenceNumber } = outcome;
  ensure(typeof shardId === "string" && typeof sequenceNumber === "string", "a place in the stream that is no text");
  isAfter(sequenceNumber, RESULT.SequenceNumber);
}

function kinesisAsks(url: string): Record<string, Ask> {
  const sink = sinkOn(url);
  const records = Array.from({ length: RECORDS }, (_, index) => ({
    data: Buffer.from("data"),
    partitionKey: `k${index}`,
  }));
  return {
    async put() {
      const outcome = await sink.put(records, never);
      if (outcome.kind === "failed") return checkFailure(outcome.failure);
      for (const record of outcome.records) checkRecord(record);
      return "accepted";
    },
    async describe() {
      const { maxRecordBytes, openShards } = await sink.describe(never);
      ensure(Number.isSafeInteger(maxRecordBytes) && maxRecordBytes > 0, `records of ${maxRecordBytes} bytes`);
      ensure(Number.isSafeInteger(openShards) && openShards >= 0, `${openShards} shards`);
      return "described";
    },
    async list(meter) {
      const shards = await sink.listShards(never);
      const map = meter.turn(() => createShardMap(shards));
      meter.turn(() => [map.shardOf("7".repeat(32)), map.holds("shardId-0", RESULT.SequenceNumber), map.sameOpen(map)]);
      return "listed";
    },
  };
}

function pulsarAsks(url: string): Record<string, Ask> {
  const credentials = async () => Buffer.from('{"client_id":"id","client_secret":"secret-of-the-client"}');
  const admin = createPulsarAdmin(url, { authentication: null, tls: {} });
  const topics = () => ["persistent://public/default/t"];
  const backlog = createBacklog({
    get: (path, signal) => admin.get(path, signal),
    subscription: "s",
    topics,
    withAge: () => true,
    wall: () => 0,
    log: silentLog,
  });
  const token: Ask = async () => {
    const authentication = oauth2Authentication({ issuerUrl: url, read: credentials });
    const bytes = await authentication.credentials(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
    return bytes.length > 0 ? "token" : "no token";
  };
  return {
    issuer: token,
    token,
    async admin() {
      const found = await backlog(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
      ensure(found === null || typeof found.entries === "number", "a backlog that is no number");
      return found === null ? "unknown" : "backlog";
    },
    header: async () => `${typeof (await admin.header("/a", "x-pulsar-base64-schema-version", never))}`,
  };
}

function kubeAsks(url: string): Record<string, Ask> {
  const access = { getCurrentCluster: () => ({ server: url }), applyToHTTPSOptions: async () => undefined };
  const client = createKubeClient(access, { requestTimeoutMs: REQUEST_TIMEOUT_MS, maxAnswerBytes: 16 << 20 });
  const target = { type: KINESIS_SINKS, namespace: "shop", name: "orders" };
  return {
    object: async () => typeof (await client.request({ path: "/api/v1/pods/x" })),
    async status() {
      const object = { metadata: { name: "orders" }, status: { workers: [{ pod: "x", mood: "good" }] } };
      const options = { fieldManager: "fuzz", force: true, signal: never };
      await createStatusApply(systemClock).apply(client, target, object, options);
      return "applied";
    },
  };
}

/** What each rejects with by contract. */
const REJECTIONS: Readonly<Record<string, (error: unknown) => boolean>> = {
  put: () => false,
  describe: (error) => error instanceof SinkError,
  list: (error) => error instanceof SinkError,
  issuer: (error) => error instanceof SourceError,
  token: (error) => error instanceof SourceError,
  admin: () => false,
  header: (error) => error instanceof Error && error.message.startsWith("http://127.0.0.1"),
  object: isApiError,
  status: isApiError,
};

function isApiError(error: unknown): boolean {
  if (error instanceof ApiError) return typeof error.reason === "string";
  return error instanceof ApiUnreachableError && !(error.cause instanceof TypeError);
}

export async function openAnswers(): Promise<Target<AnswerInput>> {
  const server = new AnsweringServer();
  await server.listen();
  const asks = { ...kinesisAsks(server.url), ...pulsarAsks(server.url), ...kubeAsks(server.url) };
  return {
    name: "answers",
    generate(choices) {
      const asked = choices.pick(Object.keys(ASKED));
      const body = mutatedJson(choices.pick(ASKED[asked] ?? []), choices, MOST_BODY);
      return { asked, body, head: headOf(choices), ends: choices.chance(0.3) };
    },
    parts: ({ asked, head, body, ends }) => ({ asked, head, body, options: JSON.stringify({ ends }) }),
    allowedMillis: ({ body }) => TURN_MILLIS + (MILLIS_PER_MIB * body.length) / 2 ** 20,
    async run(input, meter) {
      const { asked } = input;
      server.input = input;
      try {
        return `${asked} ${await meter.turns(async () => await asks[asked]?.(meter))}`;
      } catch (error) {
        if (REJECTIONS[asked]?.(error) !== true) throw error;
        ensure(
          (error as Error).message.length <= MOST_MESSAGE,
          `a message of ${(error as Error).message.length} characters`,
        );
        return `${asked} ${(error as { code?: string }).code ?? "rejected"}`;
      }
    },
    close: () => server.close(),
  };
}
