import { systemClock } from "../../runtime/clock.ts";
import { createPool } from "./broker/pool.ts";
import { parseServiceUrl } from "./broker/service-url.ts";
import type { WireSourceOptions } from "./options.ts";
import { SourceError, type SourceFailure } from "./source.ts";

/**
 * Whether a broker lets this client in: address, TLS and authentication. It asks for no topic and no subscription, so nothing
 * is made, moved or shared out anew. Null when it does. Rejects only when `signal` aborts.
 */
export async function probeBroker(
  options: Pick<WireSourceOptions, "serviceUrl" | "authentication" | "tls" | "clock" | "log">,
  signal: AbortSignal,
): Promise<SourceFailure | null> {
  const closing = new AbortController();
  const { serviceUrl, authentication = null, tls = {}, clock = systemClock, log } = options;
  try {
    const pool = createPool({
      hosts: parseServiceUrl(serviceUrl),
      authentication,
      tls,

      clock,
      log,
      signal: AbortSignal.any([signal, closing.signal]),
    });
    try {
      await pool.service();
      return null;
    } finally {
      pool.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SourceError) return { code: error.code, message: error.message };
    throw error;
  } finally {
    closing.abort();
  }
}
