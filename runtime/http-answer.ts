/** An answer that is larger than whoever asked is ready to hold in memory. */
export class AnswerTooLargeError extends Error {
  override readonly name = "AnswerTooLargeError";
  readonly code = "AnswerTooLarge";
}

/**
 * The whole body of an HTTP answer: of `http.IncomingMessage`, or of a `fetch`'s `Response.body`. One that grows beyond
 * `maxBytes` is read no further, and its connection is closed.
 * @throws AnswerTooLargeError, or what the connection fails with
 */
export async function readBounded(answer: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer) {
    size += chunk.length;
    if (size > maxBytes) throw new AnswerTooLargeError(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
