import type { Connector, Properties, Property } from "./connector.ts";
import type { Draft } from "./draft.ts";
import { asFields, asFlag, asNumber, asText, asTexts } from "./values.ts";

/** Topics, subscription and what is said of how they are consumed. */
export function convertSource({ properties, name, origin, pulsar }: Connector, draft: Draft): void {
  const { serviceUrl, adminUrl, auth, tls, where } = pulsar;
  const secure = tls !== undefined || auth?.["tls"] !== undefined;
  if (serviceUrl !== undefined) draft.set("pulsar.serviceUrl", serviceUrl);
  else {
    const placeholder = secure ? "pulsar+ssl://BROKER:6651" : "pulsar://BROKER:6650";
    draft.set("pulsar.serviceUrl", placeholder, `Give the address of your brokers or of their proxy: ${where}.`);
  }
  if (adminUrl !== undefined) draft.set("pulsar.adminUrl", adminUrl);
  topics(properties, draft);
  subscription(properties, name, draft);
  cleanup(properties, origin !== "Function Mesh", draft);
  if (auth !== undefined) draft.set("pulsar.auth", auth);
  if (tls !== undefined) draft.set("pulsar.tls", tls);
  for (const secret of pulsar.secrets) draft.secret(secret);
  for (const note of pulsar.notes) draft.note(note);
}

function topics(properties: Properties, draft: Draft): void {
  const found = asTexts(properties.take("inputs")?.value ?? []);
  let pattern = asText(properties.take("topicsPattern")?.value);
  for (const name of ["topicToSerdeClassName", "topicToSchemaType", "topicToSchemaProperties"]) {
    const property = properties.take(name);
    if (property === undefined) continue;
    found.push(...Object.keys(asFields(property.value)));
    draft.note(`${property.written}: its topics are read; how to decode them is what their schemas in Pulsar say.`);
  }
  const specs = properties.take("inputSpecs");
  for (const [topic, spec] of Object.entries(asFields(specs?.value))) {
    if (asFlag(asFields(spec)["isRegexPattern"])) pattern ??= topic;
    else found.push(topic);
  }
  if (found.length > 0) draft.set("pulsar.topics", [...new Set(found)]);
  else if (pattern !== undefined) draft.set("pulsar.topicsPattern", pattern);
  if (pattern !== undefined && found.length > 0) {
    draft.note(
      "a pattern of topics beside single ones: a KinesisSink takes either. Make a second one for the pattern.",
    );
  }
  if (specs !== undefined) consumerConfigs(specs, draft);
}

/** What a connector says of each topic's consumer. */
function consumerConfigs({ written, value }: Property, draft: Draft): void {
  const configs = Object.values(asFields(value)).map(asFields);
  const sizes = configs.flatMap((config) => asNumber(config["receiverQueueSize"]) ?? []).filter((size) => size > 0);
  if (sizes.length > 0) draft.set("pulsar.receiverQueueSize", Math.max(...sizes));
  const decoding = configs.some(
    (config) => asText(config["schemaType"]) ?? asText(config["serdeClassName"] ?? config["serdeClassname"]),
  );
  if (decoding)
    draft.note(
      `${written}: how to decode a topic is what its schema in Pulsar says; schemaType and serdeClassName have no counterpart.`,
    );
  if (configs.some((config) => Object.keys(asFields(config["consumerProperties"])).length > 0)) {
    draft.note(`${written}: consumerProperties have no counterpart.`);
  }
  const crypto = configs
    .map((config) => asFields(config["cryptoConfig"]))
    .find((config) => Object.keys(config).length > 0);
  if (crypto !== undefined) encryption(crypto, draft);
}

function encryption(crypto: Readonly<Record<string, unknown>>, draft: Draft): void {
  const [secret] = Array.isArray(crypto["cryptoSecrets"]) ? crypto["cryptoSecrets"].map(asFields) : [];
  const name = asText(secret?.["secretName"]);
  const meaning =
    "cryptoConfig: in place of a CryptoKeyReader, a Secret holds the private keys: each key of it is the name of an encryption key, each value its private key in PEM.";
  if (name === undefined) {
    draft.note(`${meaning} Make one and name it in spec.pulsar.encryption.privateKeys.`);
    return;
  }
  draft.set("pulsar.encryption", { privateKeys: { name } }, meaning);
  const action = (asText(crypto["consumerCryptoFailureAction"]) ?? "").toUpperCase();
  if (action === "CONSUME") draft.set("pulsar.encryption.onFailure", "Consume");
  if (action === "DISCARD")
    draft.note(
      "consumerCryptoFailureAction DISCARD: nothing is dropped here. What cannot be decrypted goes to spec.deadLetter.topic.",
    );
}

function subscription(properties: Properties, connector: string, draft: Draft): void {
  const given = asText(properties.take("sourceSubscriptionName")?.value);
  const tenant = asText(properties.take("tenant")?.value) ?? "public";
  const namespace = asText(properties.take("namespace")?.value) ?? "default";
  if (given !== undefined) draft.set("pulsar.subscription.name", given);
  else {
    const comment = "The connector's subscription: the workers go on where it stopped.";
    draft.set("pulsar.subscription.name", `${tenant}/${namespace}/${connector}`, comment);
  }
  const position = asText(properties.take("sourceSubscriptionPosition")?.value);
  if (position !== undefined) {
    draft.set("pulsar.subscription.initialPosition", /^earliest$/i.test(position) ? "Earliest" : "Latest");
  } else {
    draft.note(
      "sourceSubscriptionPosition was not given. The subscription goes on at its place; where one is new, as of a topic that a pattern finds later, it begins at the oldest message here (Earliest).",
    );
  }
}

/** @param byDefault whether the subscription goes where nothing is said */
function cleanup(properties: Properties, byDefault: boolean, draft: Draft): void {
  const property = properties.take("cleanupSubscription");
  if (!(asFlag(property?.value) ?? byDefault)) return;
  draft.note(
    `${property?.written ?? "cleanupSubscription"}: before you delete the connector, set it to false. Else the subscription goes with it, and with it the place in the topics.`,
  );
}
