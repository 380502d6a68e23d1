import { errorText } from "../../../runtime/error-text.ts";
import { readText } from "../../../runtime/http-answer.ts";
import type { Authentication } from "../options.ts";
import { SourceError } from "../source.ts";

type Read = () => Promise<Uint8Array>;

/** A JSON Web Token, as Pulsar's token authentication takes it. A `token:` prefix and white space are cut off. */
export function tokenAuthentication(read: Read): Authentication {
  return {
    method: "token",
    async credentials() {
      const token = Buffer.from(await read())
        .toString("utf8")
        .trim()
        .replace(/^token:/, "");
      if (token === "")
        throw new SourceError("AuthenticationFailed", "the token is empty: put a token into the Secret");
      return Buffer.from(token);
    },
  };
}

/** User name and password. A line end after either is cut off. */
export function basicAuthentication(readUser: Read, readPassword: Read): Authentication {
  return {
    method: "basic",
    async credentials() {
      const [user, password] = await Promise.all([readUser(), readPassword()]);
      const text = (value: Uint8Array): string =>
        Buffer.from(value)
          .toString("utf8")
          .replace(/\r?\n$/, "");
      return Buffer.from(`${text(user)}:${text(password)}`);
    },
  };
}

/** The client certificate of the TLS connection says who the client is. */
export function certificateAuthentication(): Authentication {
  return { method: "tls", credentials: async () => new Uint8Array() };
}

export interface OAuth2Options {
  /** The issuer, whose `/.well-known/openid-configuration` names the token endpoint. */
  readonly issuerUrl: string;
  readonly audience?: string | undefined;
  readonly scope?: string | undefined;
  /** JSON with `client_id` and `client_secret`, as Pulsar's own key files have it. */
  readonly read: Read;
  readonly now?: (() => number) | undefined;
}

const OAUTH2_TIMEOUT_MS = 10_000;
/** An issuer's metadata and tokens are a few kilobytes. */
const OAUTH2_MAX_ANSWER_BYTES = 1024 * 1024;
/** A token is asked for anew when less than this part of its life is left. */
const RENEW_AT = 0.1;
const DEFAULT_LIFE_S = 300;

/** Client credentials of OAuth 2 (RFC 6749, 4.4): the broker gets the access token as Pulsar's method `token`. */
export function oauth2Authentication(options: OAuth2Options): Authentication {
  const now = options.now ?? Date.now;
  let cached: { readonly client: string; readonly token: Uint8Array; readonly until: number } | null = null;
  return {
    method: "token",
    async credentials(signal) {
      const { id, secret } = clientOf(await options.read());
      const client = JSON.stringify([id, secret]);
      if (cached !== null && cached.client === client && cached.until > now()) return cached.token;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(OAUTH2_TIMEOUT_MS)]);
      const issuer = options.issuerUrl.replace(/\/+$/, "");
      const metadata = await fetchJson(`${issuer}/.well-known/openid-configuration`, { signal: limit });
      const endpoint = metadata["token_endpoint"];
      if (typeof endpoint !== "string") throw oauth2Error(`${issuer} names no token_endpoint`);
      const body = new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: secret });
      if (options.audience !== undefined) body.set("audience", options.audience);
      if (options.scope !== undefined) body.set("scope", options.scope);
      const answer = await fetchJson(endpoint, { method: "POST", body, signal: limit });
      const { access_token: token, expires_in: life } = answer;
      if (typeof token !== "string" || token === "") throw oauth2Error(`${endpoint} answered without an access_token`);
      const seconds = typeof life === "number" && life > 0 ? life : DEFAULT_LIFE_S;
      cached = { client, token: Buffer.from(token), until: now() + seconds * 1_000 * (1 - RENEW_AT) };
      return cached.token;
    },
    refused() {
      cached = null;
    },
  };
}

function clientOf(file: Uint8Array): { readonly id: string; readonly secret: string } {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(file).toString("utf8"));
  } catch {
    content = null;
  }
  const { client_id: id, client_secret: secret } = (content ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof id === "string" && typeof secret === "string") return { id, secret };
  throw oauth2Error('the credentials are no JSON with "client_id" and "client_secret"');
}

async function fetchJson(url: string, init: RequestInit): Promise<Readonly<Record<string, unknown>>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, headers: { accept: "application/json" } });
    text = response.body === null ? "" : await readText(response.body, OAUTH2_MAX_ANSWER_BYTES);
  } catch (error) {
    throw oauth2Error(
      `${url} cannot be reached (${errorText(error instanceof Error && error.cause ? error.cause : error)})`,
    );
  }
  if (!response.ok) throw oauth2Error(`${url} answered ${response.status}`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // told below
  }
  throw oauth2Error(`${url} did not answer with JSON`);
}

function oauth2Error(what: string): SourceError {
  return new SourceError("AuthenticationFailed", `OAuth2: ${what}; check spec.pulsar.auth.oauth2`);
}
