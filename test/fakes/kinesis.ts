import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createAuthority } from "../env/certificates.ts";
import { createFaults, type Fault, type Faults } from "./kinesis-faults.ts";
import {
  type Input,
  type Operation,
  putRecord,
  putRecords,
  ServiceError,
  type ServiceState,
  STREAM_OPERATIONS,
} from "./kinesis-operations.ts";
import { READ_OPERATIONS } from "./kinesis-reads.ts";
import { createStream, type FakeStream } from "./kinesis-stream.ts";
import { answerCallerIdentity, isCallerIdentityCall } from "./sts.ts";

export interface FakeKinesisOptions {
  /** Streams to begin with: name to number of shards. */
  readonly streams?: Readonly<Record<string, number>>;
  /** Serve HTTPS with a self-signed certificate too. */
  readonly tls?: boolean;
  /** Enforce 1 MiB/s and 1,000 records/s per shard. Default false. */
  readonly shardLimits?: boolean;
  /** False: count records and forget them. Default true. */
  readonly keepRecords?: boolean;
  /** Access keys to begin with that are answered with this error code: see {@link FakeKinesis.refusedKeys}. */
  readonly refusedKeys?: Readonly<Record<string, string>>;
  /** Of the random faults. Default 1. */
  readonly seed?: number;
  /** Fixed ports instead of free ones. */
  readonly port?: number;
  readonly host?: string;
}

/** One executed or refused write request, in the order of execution. */
export interface RequestEntry {
  readonly requestId: string;
  readonly records: number;
  /** Records that a shard took. */
  readonly accepted: number;
  readonly fault: Fault["kind"] | null;
  /** Nobody waited for the answer any more when it was executed. */
  readonly abandoned: boolean;
  /** Access key of the signature. */
  readonly accessKey: string;
  /** Region of the signature. */
  readonly region: string;
  readonly userAgent: string;
  /** Body, bytes. */
  readonly bytes: number;
}

export interface FakeKinesis {
  readonly url: string;
  /** Empty without `tls`. */
  readonly tlsUrl: string;
  /** PEM of the authority behind `tlsUrl`; empty without `tls`. */
  readonly tlsAuthority: string;
  readonly faults: Faults;
  readonly state: ServiceState;
  readonly requests: RequestEntry[];
  /** Access keys that are answered with this error code instead of being served. */
  readonly refusedKeys: Map<string, string>;
  /** Now open, and the most there ever were. */
  readonly connections: { open: number; peak: number };
  stream(name: string): FakeStream;
  close(): Promise<void>;
}

/**
 * An endpoint of Kinesis Data Streams (JSON 1.1) that fails on demand: see {@link Faults}. It is also steered over HTTP:
 * `POST /control/faults` (a part of FaultPlan), `POST /control/reset`, `GET /control/requests`.
 */
export async function startFakeKinesis(options: FakeKinesisOptions = {}): Promise<FakeKinesis> {
  const state: ServiceState = {
    streams: new Map(),
    faults: createFaults(options.seed ?? 1),
    shardLimits: options.shardLimits ?? false,
    keepRecords: options.keepRecords ?? true,
    order: 0,
    lastDeletion: 0,
  };
  for (const [name, shards] of Object.entries(options.streams ?? {}))
    state.streams.set(name, createStream(name, shards));
  const service: Service = {
    state,
    requests: [],
    refusedKeys: new Map(Object.entries(options.refusedKeys ?? {})),
    lastId: 0,
  };
  const connections = { open: 0, peak: 0 };
  const listener: RequestListener = (request, response) => {
    serve(service, request, response).catch(() => response.destroy());
  };
  const certificate = options.tls ? await issueCertificate() : undefined;
  const plain = createServer({ keepAliveTimeout: 60_000 }, listener);
  const secure = certificate && createTlsServer({ ...certificate, keepAliveTimeout: 60_000 }, listener);
  const host = options.host ?? "127.0.0.1";
  const servers: Server[] = secure === undefined ? [plain] : [plain, secure];
  for (const server of servers) {
    server.on("connection", (socket) => {
      connections.open += 1;
      connections.peak = Math.max(connections.peak, connections.open);
      socket.on("close", () => {
        connections.open -= 1;
      });
    });
  }
  const port = await listen(plain, options.port ?? 0, host);
  const tlsPort = secure === undefined ? 0 : await listen(secure, 0, host);
  return {
    url: `http://${host}:${port}`,
    tlsUrl: secure === undefined ? "" : `https://${host}:${tlsPort}`,
    tlsAuthority: certificate?.authority ?? "",
    faults: state.faults,
    state,
    requests: service.requests,
    refusedKeys: service.refusedKeys,
    connections,
    stream(name) {
      const stream = state.streams.get(name);
      if (stream === undefined) throw new Error(`the fake has no stream ${name}`);
      return stream;
    },
    async close() {
      await Promise.all(servers.map(closeServer));
    },
  };
}

interface Service {
  readonly state: ServiceState;
  readonly requests: RequestEntry[];
  readonly refusedKeys: Map<string, string>;
  lastId: number;
}

async function issueCertificate(): Promise<{ cert: string; key: string; authority: string }> {
  const directory = await mkdtemp(join(tmpdir(), "fake-kinesis-"));
  try {
    const authority = await createAuthority(directory, "ec", "fake-kinesis");
    const names = ["DNS:localhost", "IP:127.0.0.1"];
    const issued = await authority.issue({ name: "server", subject: "/CN=localhost", names });
    const files = [issued.certificate, issued.key, authority.certificate].map((file) => readFile(file, "utf8"));
    const [cert = "", key = "", root = ""] = await Promise.all(files);
    return { cert, key, authority: root };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (request.url?.startsWith("/control/")) {
    control(service, request.url, body, response);
    return;
  }
  if (isCallerIdentityCall(body)) return answerCallerIdentity(response);
  service.lastId += 1;
  const requestId = `request-${service.lastId}`;
  const signature = /Credential=([^/]+)\/[0-9]+\/([^/]+)/.exec(request.headers.authorization ?? "");
  const [, accessKey = "", region = ""] = signature ?? [];
  const operation = String(request.headers["x-amz-target"] ?? "").replace("Kinesis_20131202.", "");
  try {
    const refused = service.refusedKeys.get(accessKey);
    if (refused !== undefined)
      throw new ServiceError(refused, "The security token included in the request is invalid.");
    const input = parseInput(body);
    if (operation === "PutRecords" || operation === "PutRecord") {
      const userAgent = request.headers["user-agent"] ?? "";
      const facts = { requestId, accessKey, region, userAgent, bytes: body.length };
      await serveWrite(service, operation, input, facts, response);
      return;
    }
    const run: Operation | undefined = STREAM_OPERATIONS[operation] ?? READ_OPERATIONS[operation];
    if (run === undefined) throw new ServiceError("UnknownOperationException", `Unknown operation ${operation}`);
    answer(response, 200, requestId, JSON.stringify(run(service.state, input, requestId)));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    refuse(response, requestId, error);
  }
}

function parseInput(body: Buffer): Input {
  try {
    return JSON.parse(body.toString()) as Input;
  } catch {
    throw new ServiceError("SerializationException", "The body is not JSON");
  }
}

type RequestFacts = Pick<RequestEntry, "requestId" | "accessKey" | "region" | "userAgent" | "bytes">;

async function serveWrite(
  service: Service,
  operation: "PutRecords" | "PutRecord",
  input: Input,
  facts: RequestFacts,
  response: ServerResponse,
): Promise<void> {
  const { state } = service;
  const fault = state.faults.draw();
  const count = Array.isArray(input["Records"]) ? input["Records"].length : 1;
  const wait = state.faults.wait(count) + (fault?.kind === "executeLate" ? fault.ms : 0);
  if (wait > 0) await delay(wait);
  const abandoned = response.destroyed;
  const log = (records: number, accepted: number): void => {
    service.requests.push({ ...facts, records, accepted, fault: fault?.kind ?? null, abandoned });
  };
  if (fault !== null && !isExecuted(fault)) {
    log(count, 0);
    if (fault.kind === "cut") response.destroy();
    if (fault.kind === "reject") {
      throw new ServiceError(fault.code, fault.message ?? "Injected failure", fault.status ?? 400);
    }
    return;
  }
  if (operation === "PutRecord") {
    const result = putRecord(state, input, facts.requestId);
    log(1, 1);
    await answerWrite(response, facts.requestId, result, fault);
    return;
  }
  const failing = fault?.kind === "failRecords" ? fault : undefined;
  const failureOf = (index: number): string | null => (failing?.indices.includes(index) ? failing.code : null);
  const result = putRecords(state, input, facts.requestId, failureOf);
  log(result.Records.length, result.Records.length - result.FailedRecordCount);
  const cutShort = fault?.kind === "shortAnswer" ? { ...result, Records: result.Records.slice(0, -1) } : result;
  await answerWrite(response, facts.requestId, cutShort, fault);
}

function isExecuted(fault: Fault): boolean {
  return fault.kind === "cut" || fault.kind === "silent" ? fault.executed : fault.kind !== "reject";
}

async function answerWrite(response: ServerResponse, requestId: string, result: object, fault: Fault | null) {
  switch (fault?.kind) {
    case "cut":
      response.destroy();
      return;
    case "silent":
      return;
    case "garbage":
      answer(response, 200, requestId, "<html>gateway</html>");
      return;
    case "stall": {
      const text = JSON.stringify(result);
      response.writeHead(200, { ...headers(requestId), "content-length": text.length });
      response.write(text.slice(0, 10));
      return;
    }
    case "answerLate":
      await delay(fault.ms);
      break;
  }
  answer(response, 200, requestId, JSON.stringify(result));
}

function headers(requestId: string): Record<string, string> {
  return { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": requestId };
}

function answer(response: ServerResponse, status: number, requestId: string, text: string): void {
  response.writeHead(status, { ...headers(requestId), "content-length": Buffer.byteLength(text) });
  response.end(text);
}

function refuse(response: ServerResponse, requestId: string, error: ServiceError): void {
  answer(response, error.status, requestId, JSON.stringify({ __type: error.code, message: error.message }));
}

function control(service: Service, url: string, body: Buffer, response: ServerResponse): void {
  const { faults } = service.state;
  if (url === "/control/faults") faults.set(JSON.parse(body.toString()) as Parameters<Faults["set"]>[0]);
  else if (url === "/control/reset") faults.reset();
  else if (url !== "/control/requests") {
    answer(response, 404, "", "{}");
    return;
  }
  answer(response, 200, "", JSON.stringify(service.requests));
}
