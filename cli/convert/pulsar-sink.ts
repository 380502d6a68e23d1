import { type Connector, createProperties, type PulsarSide, type SecretValue } from "./connector.ts";
import { asFields, asFlag, asText, type Fields } from "./values.ts";

/** A PulsarSink of the Pulsar resources operator. @param connections specs of the PulsarConnections in the input, by name */
export function readPulsarSink(document: unknown, connections: ReadonlyMap<string, Fields>): Connector {
  const { metadata, spec } = asFields(document);
  const { name, namespace } = asFields(metadata);
  const fields = asFields(spec);
  const connector = asText(fields["name"]) ?? asText(name) ?? "kinesis-sink";
  return {
    origin: "a PulsarSink",
    name: connector,
    namespace: asText(namespace),
    properties: createProperties(fields),
    pulsar: pulsarSide(asText(asFields(fields["connectionRef"])["name"]) ?? "", connector, connections),
  };
}

function pulsarSide(reference: string, connector: string, connections: ReadonlyMap<string, Fields>): PulsarSide {
  const where = `brokerServiceURL of the PulsarConnection ${reference}`;
  const connection = connections.get(reference);
  if (connection === undefined) {
    const note = `connectionRef: give the authentication of the PulsarConnection ${reference} in spec.pulsar.auth, or convert both together.`;
    return { where, secrets: [], notes: [note] };
  }
  const serviceUrl = asText(connection["brokerServiceSecureURL"]) ?? asText(connection["brokerServiceURL"]);
  const adminUrl = asText(connection["adminServiceSecureURL"]) ?? asText(connection["adminServiceURL"]);
  const { auth, secrets, notes } = authentication(asFields(connection["authentication"]), connector);
  const tls = {
    ...(asFlag(connection["tlsAllowInsecureConnection"]) ? { allowInsecureConnection: true } : {}),
    ...(asFlag(connection["tlsEnableHostnameVerification"]) === false ? { hostnameVerification: false } : {}),
  };
  const encrypted = (serviceUrl ?? "").startsWith("pulsar+ssl:") && Object.keys(tls).length > 0;
  return {
    ...(serviceUrl === undefined ? {} : { serviceUrl }),
    ...(adminUrl === undefined ? {} : { adminUrl }),
    ...(auth === undefined ? {} : { auth }),
    ...(encrypted ? { tls } : {}),
    where,
    secrets,
    notes,
  };
}

function authentication(given: Fields, connector: string): { auth?: Fields; secrets: SecretValue[]; notes: string[] } {
  const token = asFields(given["token"]);
  const oauth2 = asFields(given["oauth2"]);
  if (Object.keys(token).length > 0) {
    const { reference, secrets } = referenceTo(token, { name: `pulsar-${connector}`, key: "token" });
    return { auth: { token: reference }, secrets, notes: [] };
  }
  if (Object.keys(oauth2).length > 0) {
    const { issuerEndpoint, audience, scope, key } = oauth2;
    const { reference, secrets } = referenceTo(asFields(key), { name: `pulsar-${connector}`, key: "credentials.json" });
    const optional = Object.fromEntries(
      Object.entries({ audience, scope }).filter(([, value]) => asText(value) !== undefined),
    );
    return { auth: { oauth2: { issuerUrl: issuerEndpoint, ...optional, credentials: reference } }, secrets, notes: [] };
  }
  const others = Object.keys(given);
  const notes = others.map(
    (kind) => `authentication.${kind} of the PulsarConnection: name a Secret in spec.pulsar.auth for it.`,
  );
  return { secrets: [], notes };
}

/** What a ValueOrSecretRef names, or a Secret that holds its value. */
function referenceTo(given: Fields, fallback: { name: string; key: string }) {
  const value = asText(given["value"]);
  if (value !== undefined) return { reference: fallback, secrets: [{ ...fallback, value }] };
  const { name, key } = asFields(given["secretRef"]);
  return { reference: { name, key }, secrets: [] };
}
