import { getCACertificates } from "node:tls";
import { errorText } from "../../../runtime/error-text.ts";
import { foreignText, formsOf } from "../../../runtime/foreign-text.ts";
import { createHttpClient, type HttpRequest, type SendHttp } from "../../../runtime/http-client.ts";
import type { Authentication } from "../options.ts";
import { SourceError } from "../source.ts";

export interface OAuth2Options {
  /** The issuer, whose `/.well-known/openid-configuration` names the token endpoint. */
  readonly issuerUrl: string;
  readonly audience?: string | undefined;
  readonly scope?: string | undefined;
  /** JSON with `client_id` and `client_secret`, as Pulsar's own key files have it. */
  readonly read: () => Promise<Uint8Array>;
  /** Certificates, PEM, that are trusted beside the system's: brokers often have an authority of their own, issuers may. */
  readonly ca?: (() => Promise<Uint8Array>) | undefined;
  readonly send?: SendHttp | undefined;
  readonly now?: (() => number) | undefined;
}

const TIMEOUT_MS = 10_000;
/** An issuer's metadata and tokens are a few kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** A token is asked for anew when less than this part of its life is left. */
const RENEW_AT = 0.1;
const DEFAULT_LIFE_S = 300;

/** Client credentials of OAuth 2 (RFC 6749, 4.4): the broker gets the access token as Pulsar's method `token`. */
export function oauth2Authentication(options: OAuth2Options): Authentication {
  return new OAuth2Authentication(options);
}

interface Client {
  readonly id: string;
  readonly secret: string;
}

class OAuth2Authentication implements Authentication {
  readonly method = "token";
  readonly #options: OAuth2Options;
  readonly #now: () => number;
  readonly #send: SendHttp;
  #cached: { readonly client: string; readonly token: Uint8Array; readonly until: number } | null = null;

  constructor(options: OAuth2Options) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#send = options.send ?? createHttpClient();
  }

  async credentials(signal: AbortSignal): Promise<Uint8Array> {
    const { id, secret } = clientOf(await this.#options.read());
    const client = JSON.stringify([id, secret]);
    if (this.#cached !== null && this.#cached.client === client && this.#cached.until > this.#now()) {
      return this.#cached.token;
    }
    const answer = await this.#ask({ id, secret }, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
    const { access_token: token, expires_in: life } = answer;
    if (typeof token !== "string" || token === "")
      throw oauth2Error("the token endpoint answered without an access_token");
    const seconds = typeof life === "number" && life > 0 ? life : DEFAULT_LIFE_S;
    this.#cached = { client, token: Buffer.from(token), until: this.#now() + seconds * 1_000 * (1 - RENEW_AT) };
    return this.#cached.token;
  }

  refused(): void {
    this.#cached = null;
  }

  async #ask({ id, secret }: Client, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const { issuerUrl, audience, scope, ca } = this.#options;
    const issuer = issuerAddress(issuerUrl);
    const tls = ca === undefined ? {} : { tls: { ca: [...getCACertificates("default"), Buffer.from(await ca())] } };
    const limits = { ...tls, maxBytes: MAX_ANSWER_BYTES, signal };
    const metadata = await this.#json(issuer, { ...limits }, []);
    const endpoint = tokenEndpoint(metadata["token_endpoint"], issuer);
    const form = new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: secret });
    if (audience !== undefined) form.set("audience", audience);
    if (scope !== undefined) form.set("scope", scope);
    const headers = { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" };
    const request = { ...limits, method: "POST", headers, body: form.toString() } as const;
    return await this.#json(endpoint, request, formsOf(secret));
  }

  /** @param secrets what the address must not be shown with */
  async #json(url: URL, request: HttpRequest, secrets: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const place = foreignText(url.origin + url.pathname, secrets);
    const headers = { accept: "application/json", ...request.headers };
    const { status, body } = await this.#send(url, { ...request, headers }).catch((error: unknown) => {
      throw oauth2Error(`${place} cannot be reached (${foreignText(errorText(error), secrets)})`);
    });
    if (status >= 300 && status < 400) {
      throw oauth2Error(
        `${place} answered ${status}, a redirect, which is not followed: credentials go to no other address`,
      );
    }
    if (status < 200 || status > 299) throw oauth2Error(`${place} answered ${status}`);
    try {
      const value: unknown = JSON.parse(body);
      if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
    } catch {
      // told below
    }
    throw oauth2Error(`${place} did not answer with JSON`);
  }
}

/** Where the issuer's metadata are. @throws SourceError */
function issuerAddress(issuerUrl: string): URL {
  const text = `${issuerUrl.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw oauth2Error("issuerUrl is no http(s) URL");
  }
  if (url.username === "" && url.password === "") return url;
  throw oauth2Error("issuerUrl holds a user or a password, which belong into the credentials' Secret: remove them");
}

/** It may be on another host, as some issuers have it, but an encrypted issuer's is encrypted. @throws SourceError */
function tokenEndpoint(named: unknown, issuer: URL): URL {
  const url = typeof named === "string" && URL.canParse(named) ? new URL(named) : null;
  if (url === null) throw oauth2Error(`${issuer.origin} names no token_endpoint`);
  if (url.protocol === "https:" || (url.protocol === "http:" && issuer.protocol === "http:")) return url;
  throw oauth2Error(
    `${issuer.origin} names a token_endpoint that is not encrypted, so that the client secret is not sent`,
  );
}

function clientOf(file: Uint8Array): Client {
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

function oauth2Error(what: string): SourceError {
  return new SourceError("AuthenticationFailed", `OAuth2: ${what}; check spec.pulsar.auth.oauth2`);
}
