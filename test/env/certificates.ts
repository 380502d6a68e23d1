import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./process.ts";

const DAYS = "365";

export type KeyAlgorithm = "ec" | "rsa";

/** A certificate and its PKCS #8 key, both files in PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** The base name of the files. */
  readonly name: string;
  /** The distinguished name as OpenSSL writes it: "/O=system:nodes/CN=node". */
  readonly subject: string;
  /** Subject alternative names: "DNS:localhost", "IP:127.0.0.1". */
  readonly names?: readonly string[];
}

/** A certificate authority of one test environment, in a directory that it owns. */
export interface Authority {
  /** The authority's own certificate. */
  readonly certificate: string;
  /** The authority's own key. */
  readonly key: string;
  /** Signs a certificate for servers and clients alike. */
  issue(request: CertificateRequest): Promise<Certificate>;
}

export async function createAuthority(
  directory: string,
  algorithm: KeyAlgorithm,
  commonName: string,
): Promise<Authority> {
  const certificate = join(directory, "ca.crt");
  const key = join(directory, "ca.key");
  const newKey =
    algorithm === "ec" ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["-newkey", "rsa:2048"];
  await run("openssl", [
    ...["req", "-x509", "-nodes", "-days", DAYS, "-subj", `/CN=${commonName}`, ...newKey],
    ...["-keyout", key, "-out", certificate],
  ]);
  return {
    certificate,
    key,
    async issue(request) {
      const issued = {
        certificate: join(directory, `${request.name}.crt`),
        key: join(directory, `${request.name}.key`),
      };
      const extensions = [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature,keyEncipherment",
        "extendedKeyUsage=clientAuth,serverAuth",
        ...(request.names === undefined ? [] : [`subjectAltName=${request.names.join(",")}`]),
      ];
      const config = join(directory, `${request.name}.cnf`);
      await writeFile(
        config,
        `[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\n${extensions.join("\n")}\n`,
      );
      await run("openssl", [
        ...["req", "-x509", "-nodes", "-days", DAYS, "-config", config, "-subj", request.subject, ...newKey],
        ...["-CA", certificate, "-CAkey", key, "-keyout", issued.key, "-out", issued.certificate],
      ]);
      return issued;
    },
  };
}

/** A file's content as kubeconfig and Secret fields want it. */
export async function base64File(file: string): Promise<string> {
  return (await readFile(file)).toString("base64");
}
