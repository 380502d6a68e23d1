import { type Connector, createProperties, type PulsarSide, type SecretValue } from "./connector.ts";
import { asFields, asFlag, asText, type Fields } from "./values.ts";

/** Pulsar IO's names of what Function Mesh calls otherwise. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["sinkConfig", "configs"],
  ["secretsMap", "secrets"],
  ["replicas", "parallelism"],
  ["timeout", "timeoutMs"],
  ["maxMessageRetry", "maxMessageRetries"],
  ["processingGuarantee", "processingGuarantees"],
  ["subscriptionName", "sourceSubscriptionName"],
  ["subscriptionPosition", "sourceSubscriptionPosition"],
  ["input.topics", "inputs"],
  ["input.topicPattern", "topicsPattern"],
  ["input.sourceSpecs", "inputSpecs"],
  ["input.customSerdeSources", "topicToSerdeClassName"],
  ["input.customSchemaSources", "topicToSchemaType"],
]);

const TOKEN_PLUGIN = "org.apache.pulsar.client.impl.auth.AuthenticationToken";

/** A Sink of Function Mesh. @param configMaps data of the ConfigMaps in the input, by name */
export function readFunctionMesh(document: unknown, configMaps: ReadonlyMap<string, Fields>): Connector {
  const { metadata, spec } = asFields(document);
  const { name, namespace } = asFields(metadata);
  const { input, ...fields } = asFields(spec);
  const ofInput = Object.entries(asFields(input)).map(([key, value]) => [`input.${key}`, value]);
  const connector = asText(fields["name"]) ?? asText(name) ?? "kinesis-sink";
  return {
    origin: "Function Mesh",
    name: connector,
    namespace: asText(namespace),
    properties: createProperties({ ...fields, ...Object.fromEntries(ofInput) }, NAMES),
    pulsar: pulsarSide(asFields(fields["pulsar"]), connector, configMaps),
  };
}

/** The sinks of a FunctionMesh, each as if it were by itself. */
export function sinksOfMesh(document: unknown): Fields[] {
  const { metadata, spec } = asFields(document);
  const { sinks } = asFields(spec);
  const { namespace } = asFields(metadata);
  return (Array.isArray(sinks) ? sinks : []).map((sink) => ({
    metadata: { name: asFields(sink)["name"], namespace },
    spec: sink,
  }));
}

function pulsarSide(pulsar: Fields, connector: string, configMaps: ReadonlyMap<string, Fields>): PulsarSide {
  const map = asText(pulsar["pulsarConfig"]);
  const config = map === undefined ? undefined : configMaps.get(map);
  const serviceUrl = asText(config?.["brokerServiceURL"]);
  const adminUrl = asText(config?.["webServiceURL"]);
  const auth = authentication(asFields(pulsar["authConfig"]), connector);
  const tls = encryptedConnection(asFields(pulsar["tlsConfig"]));
  const notes = [...auth.notes];
  for (const field of ["authSecret", "tlsSecret"]) {
    const name = asText(pulsar[field]);
    if (name !== undefined)
      notes.push(
        `pulsar.${field}: the Secret ${name} is in a form of Function Mesh's own. Make one that ${field === "authSecret" ? "spec.pulsar.auth" : "spec.pulsar.tls.ca"} can name.`,
      );
  }
  return {
    ...(serviceUrl === undefined ? {} : { serviceUrl }),
    ...(adminUrl === undefined ? {} : { adminUrl }),
    ...(auth.auth === undefined ? {} : { auth: auth.auth }),
    ...(tls === undefined ? {} : { tls }),
    where: map === undefined ? "it is not in the Sink" : `brokerServiceURL of the ConfigMap ${map}`,
    secrets: auth.secrets,
    notes,
  };
}

interface Authentication {
  readonly auth?: Fields;
  readonly secrets: readonly SecretValue[];
  readonly notes: readonly string[];
}

function authentication(config: Fields, connector: string): Authentication {
  const oauth2 = asFields(config["oauth2Config"]);
  if (asText(oauth2["issuerUrl"]) !== undefined) {
    const { issuerUrl, audience, scope, keySecretName, keySecretKey } = oauth2;
    const credentials = { name: keySecretName, ...(asText(keySecretKey) === undefined ? {} : { key: keySecretKey }) };
    const optional = Object.fromEntries(
      Object.entries({ audience, scope }).filter(([, value]) => asText(value) !== undefined),
    );
    return { auth: { oauth2: { issuerUrl, ...optional, credentials } }, secrets: [], notes: [] };
  }
  const generic = asFields(config["genericAuth"]);
  const plugin = asText(generic["clientAuthenticationPlugin"]);
  const token = /^token:(.+)$/s.exec(asText(generic["clientAuthenticationParameters"]) ?? "")?.[1];
  if (plugin === TOKEN_PLUGIN && token !== undefined) {
    const secret = { name: `pulsar-${connector}`, key: "token" };
    return { auth: { token: secret }, secrets: [{ ...secret, value: token.trim() }], notes: [] };
  }
  const notes =
    plugin === undefined
      ? []
      : [`pulsar.authConfig.genericAuth: name a Secret in spec.pulsar.auth for what ${plugin} was given.`];
  return { secrets: [], notes };
}

function encryptedConnection(config: Fields): Fields | undefined {
  if (!asFlag(config["enabled"])) return undefined;
  const name = asText(config["certSecretName"]);
  const key = asText(config["certSecretKey"]);
  return {
    ...(name === undefined ? {} : { ca: { secret: { name, ...(key === undefined ? {} : { key }) } } }),
    ...(asFlag(config["allowInsecure"]) ? { allowInsecureConnection: true } : {}),
    hostnameVerification: asFlag(config["hostnameVerification"]) ?? false,
  };
}
