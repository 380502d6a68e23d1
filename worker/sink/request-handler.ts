import { Readable } from "node:stream";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { ResettingHttpAgent, ResettingHttpsAgent } from "./resetting-agents.ts";

/** Idle sockets are closed before the service or a NAT does it, which would look like a lost answer. Milliseconds. */
const IDLE_SOCKET_MS = 20_000;

/**
 * A body is handed to its socket in parts of this many bytes, one after the other: TLS encrypts at once all that it gets, so
 * that whole bodies would be in memory twice while the service takes them in.
 */
const SLICE_BYTES = 64 * 1024;

type Handle = NodeHttpHandler["handle"];

/** HTTP/1.1: the SDK's default HTTP/2 handler reaches half the throughput. */
export function createRequestHandler(options: {
  /** Sockets at most. */
  readonly maxSockets: number;
  /** Milliseconds. */
  readonly connectionTimeout: number;
  readonly rejectUnauthorized: boolean;
}): NodeHttpHandler {
  const { maxSockets, connectionTimeout, rejectUnauthorized } = options;
  const agent = { keepAlive: true, maxSockets, timeout: IDLE_SOCKET_MS };
  return new SlicingHandler({
    connectionTimeout,
    httpAgent: new ResettingHttpAgent(agent),
    httpsAgent: new ResettingHttpsAgent({ ...agent, rejectUnauthorized }, connectionTimeout),
  });
}

class SlicingHandler extends NodeHttpHandler {
  override handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const { body } = request;
    // Its length is in a header and its hash in the signature by now.
    if (Buffer.isBuffer(body) && body.length > SLICE_BYTES) request.body = slices(body);
    return super.handle(request, options);
  }
}

function slices(body: Buffer): Readable {
  let at = 0;
  return new Readable({
    highWaterMark: SLICE_BYTES,
    read() {
      const slice = body.subarray(at, at + SLICE_BYTES);
      at += slice.length;
      this.push(slice.length === 0 ? null : slice);
    },
  });
}
