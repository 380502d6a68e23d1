import { StringDecoder } from "node:string_decoder";

/** An answer that is larger than whoever asked is ready to hold in memory. */
export class AnswerTooLargeError extends Error {
  override readonly name = "AnswerTooLargeError";
  readonly code = "AnswerTooLarge";
}

/**
 * The whole body of an HTTP answer as text: of `http.IncomingMessage`, or of a `fetch`'s `Response.body`. It is decoded as
 * it comes, for a long one would be in memory twice. One that grows beyond `maxBytes` is read no further, and its
 * connection is closed.
 * @throws AnswerTooLargeError, or what the connection fails with
 */
export async function readText(answer: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new StringDecoder("utf8");
  let text = "";
  let size = 0;
  for await (const chunk of answer) {
    size += chunk.length;
    if (size > maxBytes) throw new AnswerTooLargeError(`the answer is larger than ${maxBytes} bytes`);
    text += decoder.write(chunk);
  }
  return text + decoder.end();
}
