import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/** What to verify the next connection by. Rejects with the error of the reader, or with {@link CertificatesError}. */
export type Trust = () => Promise<SecureContext>;

/** What is to be trusted is no certificate. */
export class CertificatesError extends Error {
  override readonly name = "CertificatesError";
  constructor(options?: ErrorOptions) {
    super("spec.aws.ca names no certificates in PEM", options);
  }
}

/** Trusts what `ca` reads, PEM, beside the well-known authorities; so a rotated one is followed. */
export function createTrust(ca: () => Promise<Uint8Array>): Trust {
  let pem = "";
  // For each some hundred certificates are parsed.
  let context: SecureContext | null = null;
  return async () => {
    const text = Buffer.from(await ca()).toString("utf8");
    if (context !== null && text === pem) return context;
    context = contextOf(text);
    pem = text;
    return context;
  };
}

/** @throws CertificatesError */
function contextOf(pem: string): SecureContext {
  // Text without any certificate would be passed over in silence.
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new CertificatesError();
  try {
    return createSecureContext({ ca: [...getCACertificates("default"), pem] });
  } catch (cause) {
    // Its own text would quote what it stumbled over.
    throw new CertificatesError({ cause });
  }
}
