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
