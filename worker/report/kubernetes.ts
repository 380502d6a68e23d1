import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { join } from "node:path";

/** Where and as whom to report; from the downward API and the projected token. */
export interface KubernetesAccess {
  readonly host: string;
  readonly port: string;
  /** Folder with `token` and `ca.crt`, both read anew, for the kubelet rotates the token. */
  readonly credentials: string;
}

export class KubernetesError extends Error {
  override readonly name = "KubernetesError";
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * A client for the one or two requests that a worker makes. `@kubernetes/client-node` would cost 85 MB and a second.
 * @returns a function that sends one request and resolves to the parsed answer. @throws KubernetesError
 */
export function kubernetesClient(access: KubernetesAccess) {
  let agent: Agent | null = null;
  let agentCa = "";
  return async <T>(
    method: "GET" | "PATCH",
    path: string,
    body: { type: string; content: string } | null,
    signal: AbortSignal,
  ): Promise<T> => {
    const [token, ca] = await Promise.all([
      readFile(join(access.credentials, "token"), "utf8"),
      readFile(join(access.credentials, "ca.crt"), "utf8"),
    ]);
    if (agent === null || ca !== agentCa) {
      agent?.destroy();
      agent = new Agent({ ca, keepAlive: false });
      agentCa = ca;
    }
    const options = {
      host: access.host,
      port: access.port,
      method,
      path,
      agent,
      signal,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${token.trim()}`,
        ...(body ? { "content-type": body.type, "content-length": Buffer.byteLength(body.content) } : {}),
      },
    };
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const fail = (error: Error) =>
        reject(new KubernetesError(0, `the API server did not answer: ${error.message}`, { cause: error }));
      const sent = request(options, (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER_BYTES) answer.destroy(new Error("the answer is too large"));
          else chunks.push(chunk);
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
        answer.on("error", fail);
      });
      sent.on("error", fail);
      sent.end(body?.content);
    });
    if (status < 200 || status > 299) throw new KubernetesError(status, answerMessage(status, text));
    return JSON.parse(text) as T;
  };
}

function answerMessage(status: number, text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return `the API server answered ${status}: ${message}`;
  } catch {
    // Not a Status object: a proxy in between.
  }
  return `the API server answered ${status}`;
}
