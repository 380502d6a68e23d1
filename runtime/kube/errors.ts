import { errorText } from "../error-text.ts";
import { foreignText, printable } from "../foreign-text.ts";

/** The body that the Kubernetes API sends with a failure (`kind: Status`). */
export interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
}

/** No server that is well asks for more; milliseconds. */
const LONGEST_WAIT_MS = 5 * 60_000;

/** The `Retry-After` of an answer in milliseconds, bounded. The API server sends seconds; of a date nothing is taken. */
export function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header)
    ? Math.min(LONGEST_WAIT_MS, Number(header) * 1000)
    : undefined;
}

/** Characters of a failure's word, and of its own message. It may name each of many fields. */
const MOST_REASON = 100;
const MOST_MESSAGE = 4_000;

/** The Status object of a failure, or the beginning of what a proxy in between answered, whatever that is. */
export function parseStatus(text: string): ApiStatus {
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    return { message: foreignText(text) };
  }
  const { reason, message, code } = (status ?? {}) as Readonly<Record<keyof ApiStatus, unknown>>;
  return {
    ...(typeof reason === "string" ? { reason: reason.slice(0, MOST_REASON) } : {}),
    ...(typeof message === "string" ? { message: message.slice(0, MOST_MESSAGE).toWellFormed() } : {}),
    ...(typeof code === "number" ? { code } : {}),
  };
}

/** An answer of the Kubernetes API other than 2xx. `status` is the HTTP status, `reason` the API's machine-readable word. */
export class ApiError extends Error {
  readonly code = "KUBE_API";
  readonly status: number;
  readonly reason: string;
  /** How long the server asks to wait before the next request, milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, status: number, body: ApiStatus, retryAfterMs?: number) {
    super(printable(`${request}: ${status} ${body.reason ?? ""} ${body.message ?? ""}`.trim()));
    this.name = "ApiError";
    this.status = status;
    this.reason = body.reason ?? "";
    this.retryAfterMs = retryAfterMs;
  }
}

/** The connection failed, or no whole answer came in time. */
export class ApiUnreachableError extends Error {
  readonly code = "KUBE_UNREACHABLE";

  constructor(request: string, cause: unknown) {
    super(`${request}: ${errorText(cause)}`, { cause });
    this.name = "ApiUnreachableError";
  }
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}

export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);
export const isInvalid = (error: unknown): boolean => hasStatus(error, 422);
export const isForbidden = (error: unknown): boolean => hasStatus(error, 403);

/** The server has too much to do, as priority and fairness sees it. */
export const isTooManyRequests = (error: unknown): boolean => hasStatus(error, 429);

/** What a failure asks to wait for before the same is tried again, milliseconds; 0 where it asks for nothing. */
export const retryAfterMs = (error: unknown): number => (error instanceof ApiError && error.retryAfterMs) || 0;

/** The resource version or the continue token is too old: only a new list helps. */
export const isGone = (error: unknown): boolean => hasStatus(error, 410);
