import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { TLSSocket } from "node:tls";

/**
 * A body is handed to its socket in parts of this many bytes, one after the other: TLS encrypts at once all that it gets, so
 * that whole bodies would be in memory twice while the service takes them in.
 */
const SLICE_BYTES = 64 * 1024;

/**
 * A body of which nothing leaves before its request has a connected socket, and each slice only when the one before was
 * taken by the kernel: so that up to the last moment it can be asked whether it may.
 * @param mayLeave when it answers false, nothing more leaves. It must not end the request itself: it is asked from within
 * calls of the socket, which do not survive that.
 */
export function bodyInSlices(body: Buffer, mayLeave: () => boolean = () => true): Readable {
  return new SlicedBody(body, mayLeave);
}

/** The SDK hands a body that is a Readable to its request by `pipe`, and does nothing else with it. */
class SlicedBody extends Readable {
  readonly #body: Buffer;
  readonly #mayLeave: () => boolean;
  #at = 0;

  constructor(body: Buffer, mayLeave: () => boolean) {
    super();
    this.#body = body;
    this.#mayLeave = mayLeave;
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    const request = destination as unknown as ClientRequest;
    const go = (): void => this.#send(request, go);
    whenConnected(request, go);
    return destination;
  }

  #send(request: ClientRequest, go: () => void): void {
    while (!request.destroyed && this.#mayLeave()) {
      const slice = this.#body.subarray(this.#at, this.#at + SLICE_BYTES);
      this.#at += slice.length;
      if (this.#at === this.#body.length) {
        request.end(slice);
        return;
      }
      if (!request.write(slice)) {
        request.once("drain", go);
        return;
      }
    }
  }
}

/** Runs the callback when what the request writes goes to its host at once. */
function whenConnected(request: ClientRequest, callback: () => void): void {
  request.once("socket", (socket: Socket) => {
    if (request.reusedSocket) callback();
    else if (socket instanceof TLSSocket) socket.once("secureConnect", callback);
    else if (socket.connecting) socket.once("connect", callback);
    else callback();
  });
}
