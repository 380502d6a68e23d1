import { errorText } from "../error-text.ts";
import { foreignText, printable } from "../foreign-text.ts";

/** The body that the Kubernetes API sends with a failure (`kind: Status`). */
export interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
}

/** The Status object of a failure, or the beginning of what a proxy in between answered. */
export function parseStatus(text: string): ApiStatus {
  try {
    return JSON.parse(text) as ApiStatus;
  } catch {
    return { message: foreignText(text) };
  }
}

/** An answer of the Kubernetes API other than 2xx. `status` is the HTTP status, `reason` the API's machine-readable word. */
export class ApiError extends Error {
  readonly code = "KUBE_API";
  readonly status: number;
  readonly reason: string;

  constructor(request: string, status: number, body: ApiStatus) {
    super(printable(`${request}: ${status} ${body.reason ?? ""} ${body.message ?? ""}`.trim()));
    this.name = "ApiError";
    this.status = status;
    this.reason = body.reason ?? "";
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

/** The resource version or the continue token is too old: only a new list helps. */
export const isGone = (error: unknown): boolean => hasStatus(error, 410);
