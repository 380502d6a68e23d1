import type { PulsarSource } from "../crds/kinesissink.generated.ts";
import { createHttpClient, type SendHttp } from "../runtime/http-client.ts";
import { set } from "./config.ts";
import { caReference, type KeyReader } from "./secrets.ts";
import { basicAuthentication, certificateAuthentication, tokenAuthentication } from "./source/broker/authentication.ts";
import { oauth2Authentication } from "./source/broker/oauth2.ts";
import type { Authentication, TlsOptions } from "./source/options.ts";

/** How to reach Pulsar: over the binary protocol and at its admin REST API. Everything is read anew where it is used. */
export interface PulsarAccess {
  /** Null: no authentication. */
  readonly authentication: Authentication | null;
  readonly tls: TlsOptions;
}

/** @param send for requests to an OAuth 2.0 issuer */
export function pulsarAccess(
  pulsar: PulsarSource,
  readKey: KeyReader,
  send: SendHttp = createHttpClient(),
): PulsarAccess {
  const secret = (name: string, key: string) => () => readKey({ kind: "Secret", name, key });
  const { auth, tls } = pulsar;
  const ca = caReference(tls?.ca);
  const certificate = auth?.tls;
  return {
    authentication: authentication(pulsar, secret, ca === null ? undefined : () => readKey(ca), send),
    tls: {
      allowInsecure: tls?.allowInsecureConnection ?? false,
      verifyHostname: tls?.hostnameVerification ?? true,
      ...(ca === null ? {} : { ca: () => readKey(ca) }),
      ...(certificate === undefined
        ? {}
        : {
            clientCertificate: async () => ({
              cert: await secret(certificate.name, certificate.certificateKey)(),
              key: await secret(certificate.name, certificate.privateKeyKey)(),
            }),
          }),
    },
  };
}

function authentication(
  { auth }: PulsarSource,
  secret: (name: string, key: string) => () => Promise<Buffer>,
  ca: (() => Promise<Buffer>) | undefined,
  send: SendHttp,
): Authentication | null {
  if (auth?.token) return tokenAuthentication(secret(auth.token.name, auth.token.key));
  if (auth?.basic) {
    const { name, usernameKey, passwordKey } = auth.basic;
    return basicAuthentication(secret(name, usernameKey), secret(name, passwordKey));
  }
  if (auth?.oauth2) {
    const { issuerUrl, audience, scope, credentials } = auth.oauth2;
    return oauth2Authentication({
      issuerUrl,
      audience: set(audience),
      scope: set(scope),
      read: secret(credentials.name, credentials.key),
      ca,
      send,
    });
  }
  return auth?.tls ? certificateAuthentication() : null;
}
