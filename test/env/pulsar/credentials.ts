import { createSign, generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Certificate, createAuthority } from "../certificates.ts";
import { run } from "../process.ts";

export interface TokenKeys {
  /** The file with the public key that the broker checks tokens with (DER). */
  readonly publicKey: string;
  /** A signed token (RS256) whose subject is `role`; without `expiresInSeconds` it never expires. */
  token(role: string, expiresInSeconds?: number): string;
}

export async function createTokenKeys(directory: string): Promise<TokenKeys> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const file = join(directory, "token-public.der");
  await writeFile(file, publicKey.export({ type: "spki", format: "der" }));
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    publicKey: file,
    token(role, expiresInSeconds) {
      const expiry = expiresInSeconds === undefined ? {} : { exp: Math.floor(Date.now() / 1000) + expiresInSeconds };
      const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ sub: role, ...expiry })}`;
      return `${text}.${createSign("RSA-SHA256").update(text).sign(privateKey, "base64url")}`;
    },
  };
}

/** Writes an htpasswd file for basic authentication and returns its path. */
export async function writePasswords(directory: string, users: Readonly<Record<string, string>>): Promise<string> {
  const lines = await Promise.all(
    Object.entries(users).map(async ([user, password]) => {
      const hashed = await run("openssl", ["passwd", "-apr1", "-stdin"], { input: password });
      return `${user}:${hashed.trim()}\n`;
    }),
  );
  const file = join(directory, "htpasswd");
  await writeFile(file, lines.join(""));
  return file;
}

/** The TLS files of a broker, and what its clients need to trust it and to show a certificate of their own. */
export interface BrokerCertificates {
  readonly authority: string;
  readonly server: Certificate;
  /** A client's certificate, whose role is `role`. */
  issueClient(role: string): Promise<Certificate>;
}

/** `names`: the subject alternative names of the server's certificate ("DNS:localhost", "IP:127.0.0.1"). */
export async function createCertificates(directory: string, names: readonly string[]): Promise<BrokerCertificates> {
  const authority = await createAuthority(directory, "rsa", "pulsar-test-ca");
  return {
    authority: authority.certificate,
    server: await authority.issue({ name: "server", subject: "/CN=pulsar", names }),
    issueClient: (role) => authority.issue({ name: `client-${role}`, subject: `/CN=${role}` }),
  };
}
