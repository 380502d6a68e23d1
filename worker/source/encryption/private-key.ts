import { createPrivateKey, type KeyObject } from "node:crypto";

/** What is wrong with a private key, and what to do: a predicate, without the key's name, and nothing of its content. */
export class UnusableKeyError extends Error {
  override readonly name = "UnusableKeyError";
}

/** An RSA key from its PEM text (PKCS #1 or #8). @throws UnusableKeyError */
export function parsePrivateKey(pem: Buffer): KeyObject {
  const key = parse(pem);
  if (key.asymmetricKeyType === "rsa") return key;
  // ECIES, which the Java client alone knows.
  if (key.asymmetricKeyType === "ec") {
    throw new UnusableKeyError(
      "is an elliptic-curve key, and data keys can be decrypted with RSA keys only: let producers encrypt with an RSA key",
    );
  }
  throw new UnusableKeyError(`is a key of type ${key.asymmetricKeyType}, and not RSA: store the RSA private key`);
}

function parse(pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The error itself is left out: it could quote what it stumbled over.
    if (/^(-----BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED)/m.test(pem.toString("latin1"))) {
      throw new UnusableKeyError("is protected by a passphrase: store it without one");
    }
    const remedy =
      "store an RSA private key, beginning with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----";
    throw new UnusableKeyError(`is not a private key in PEM: ${remedy}`);
  }
}
