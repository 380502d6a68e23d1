import { pipeline, type Readable, Transform } from "node:stream";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { AnswerTooLargeError } from "../../runtime/http-answer.ts";
import type { ProxyVariables } from "../../runtime/proxy.ts";
import { bodyInSlices } from "./body-slices.ts";
import { ResettingHttpAgent, ResettingHttpsAgent } from "./resetting-agents.ts";

/** Idle sockets are closed before the service or a NAT does it, which would look like a lost answer. Milliseconds. */
const IDLE_SOCKET_MS = 20_000;

/** An answer about 500 records or 1,000 shards has some 500 KB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

type Handle = NodeHttpHandler["handle"];

/** How one request is sent. */
export interface SendOptions {
  readonly abortSignal: AbortSignal;
  /** Asked whenever bytes of the body are about to go to the socket. False: they do not, and `abortSignal` aborts soon. */
  readonly mayLeave?: () => boolean;
}

/** HTTP/1.1: the SDK's default HTTP/2 handler reaches half the throughput. */
export function createRequestHandler(options: {
  /** Sockets at most. */
  readonly maxSockets: number;
  /** Milliseconds. */
  readonly connectionTimeout: number;
  readonly rejectUnauthorized: boolean;
  readonly proxy: ProxyVariables;
  /** Reads authorities that are trusted beside the well-known ones, PEM. */
  readonly ca?: (() => Promise<Uint8Array>) | undefined;
  /** Milliseconds; none when left out, for whoever has a deadline of its own. */
  readonly requestTimeout?: number;
}): NodeHttpHandler {
  const { maxSockets, connectionTimeout, rejectUnauthorized, proxy, ca, requestTimeout } = options;
  const agent = { keepAlive: true, maxSockets, timeout: IDLE_SOCKET_MS };
  return new SlicingHandler({
    connectionTimeout,
    ...(requestTimeout === undefined ? {} : { requestTimeout, throwOnRequestTimeout: true }),
    httpAgent: new ResettingHttpAgent({ ...agent, proxyEnv: { ...proxy } }),
    httpsAgent: new ResettingHttpsAgent({ ...agent, rejectUnauthorized }, connectionTimeout, proxy, ca),
  });
}

class SlicingHandler extends NodeHttpHandler {
  override async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const { body } = request;
    const { mayLeave } = (options ?? {}) as Partial<SendOptions>;
    // Its length is in a header and its hash in the signature by now.
    if (Buffer.isBuffer(body)) request.body = bodyInSlices(body, mayLeave);
    const handled = await super.handle(request, options);
    const { headers, body: answer } = handled.response;
    // The parser holds an answer to its length; only one without has to be counted.
    const length = headers["content-length"];
    if (length === undefined) handled.response.body = bounded(answer as Readable);
    else if (Number(length) > MAX_ANSWER_BYTES) {
      (answer as Readable).destroy();
      throw tooLarge();
    }
    return handled;
  }
}

function bounded(answer: Readable): Readable {
  let size = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) done(tooLarge());
      else done(null, chunk);
    },
  });
  // Who reads the counter hears of what goes wrong.
  return pipeline(answer, counter, () => undefined);
}

function tooLarge(): AnswerTooLargeError {
  return new AnswerTooLargeError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
}
