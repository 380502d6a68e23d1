import type { IncomingMessage } from "node:http";
import { StringDecoder } from "node:string_decoder";
import type { ApiStatus } from "./errors.ts";

/** The whole body as text. Throws when it is longer than `maxBytes`: nothing that is read here may fill the memory. */
export async function readText(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const decoder = new StringDecoder("utf8");
  let text = "";
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    text += decoder.write(chunk);
  }
  return text + decoder.end();
}

/** No server that is well asks for more; milliseconds. */
const LONGEST_WAIT_MS = 5 * 60_000;

/** The `Retry-After` of an answer in milliseconds, bounded. The API server sends seconds; of a date nothing is taken. */
export function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header)
    ? Math.min(LONGEST_WAIT_MS, Number(header) * 1000)
    : undefined;
}

/** The Status object of a failure, or the beginning of what a proxy in between answered. */
export function parseStatus(text: string): ApiStatus {
  try {
    return JSON.parse(text) as ApiStatus;
  } catch {
    return { message: text.slice(0, 500) };
  }
}
