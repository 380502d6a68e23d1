import type { StructuralSchema } from "../../crds/json-schema.ts";
import openApiSchema from "../../crds/schema.generated.json" with { type: "json" };
import type { Connector, Properties } from "./connector.ts";
import type { Draft } from "./draft.ts";
import { asFields, asFlag, asNumber, asText, type Fields } from "./values.ts";

const CONFIG: Readonly<Record<string, StructuralSchema>> =
  (openApiSchema as StructuralSchema).properties?.["spec"]?.properties?.["config"]?.properties ?? {};
const PARAM = "awsCredentialPluginParam";
const PRODUCER = "extraKinesisProducerConfig";
const BUFFERED = "recordMaxBufferedTime";
/** Taken for the sake of old configurations, without effect. */
const WITHOUT_EFFECT = ["minConnections", "credentialsRefreshDelay", "nativeExecutable", "cloudwatchEndpoint"];
/** Of the Kinesis Producer Library, where nothing is set; milliseconds. */
const BUFFERED_TIME = 100;
const MOST_LINGER = 10_000;

/** Properties of the stream, and the credentials for it. */
export function convertStream({ properties, name }: Connector, draft: Draft): void {
  const property = properties.take("configs");
  const given = asFields(property?.value);
  const written = property?.written ?? "configs";
  const producer = producerProperties(given);
  const idle: string[] = [];
  for (const [key, value] of Object.entries({ ...producer.known, ...given })) {
    if ([PARAM, PRODUCER, BUFFERED].includes(key) || value === null) continue;
    if (WITHOUT_EFFECT.includes(key)) idle.push(key);
    else if (CONFIG[key] === undefined)
      draft.note(`${written}.${key}: the Kinesis sink has no such property; it is left out.`);
    else draft.set(`config.${key}`, coerced(value, CONFIG[key]));
  }
  idle.push(...producer.unknown.map((key) => `${PRODUCER}.${key}`));
  if (idle.length > 0) draft.note(`${idle.join(", ")}: internal to the Kinesis Producer Library, without effect here.`);
  credentials(properties, given[PARAM], name, draft);
  linger(producer.bufferedTime, draft);
}

/** As the Java sink reads it: text that says a number or a boolean is one. */
function coerced(value: unknown, { type }: StructuralSchema): unknown {
  if (type === "boolean") return asFlag(value) ?? value;
  if (type === "integer") return asNumber(value) ?? value;
  return type === "string" ? (asText(value) ?? value) : value;
}

interface ProducerProperties {
  /** What a property of the sink stands for. */
  readonly known: Fields;
  readonly unknown: readonly string[];
  readonly bufferedTime: number | undefined;
}

/** The producer library's own properties, which it takes with a capital first letter too. */
function producerProperties(config: Fields): ProducerProperties {
  const own = Object.entries(asFields(config[PRODUCER])).map(
    ([key, value]) => [`${key.charAt(0).toLowerCase()}${key.slice(1)}`, value] as const,
  );
  const loose = Object.entries(config).filter(([key]) => key === BUFFERED);
  const all = new Map<string, unknown>([...loose, ...own]);
  const bufferedTime = asNumber(all.get(BUFFERED));
  all.delete(BUFFERED);
  const known = [...all].filter(([key]) => CONFIG[key] !== undefined && key !== PRODUCER);
  return {
    known: Object.fromEntries(known),
    unknown: [...all.keys()].filter((key) => CONFIG[key] === undefined),
    bufferedTime,
  };
}

function linger(bufferedTime: number | undefined, draft: Draft): void {
  if (draft.get("config.aggregationEnabled") === false) {
    if (bufferedTime !== undefined) draft.note("recordMaxBufferedTime: without aggregation nothing waits for others.");
    return;
  }
  const millis = Math.min(MOST_LINGER, bufferedTime ?? BUFFERED_TIME);
  const source =
    bufferedTime === undefined
      ? "The Kinesis Producer Library's default of recordMaxBufferedTime, which the connector had."
      : "The connector's recordMaxBufferedTime.";
  const bound = millis === bufferedTime || bufferedTime === undefined ? "" : ` At most ${MOST_LINGER} here.`;
  draft.set("lingerMillis", millis, `${source}${bound} Remove it to send at once: sooner, at more PUT payload units.`);
}

function credentials(properties: Properties, inline: unknown, name: string, draft: Draft): void {
  const secrets = properties.take("secrets");
  const { [PARAM]: kept, ...others } = asFields(secrets?.value);
  const otherNames = Object.keys(others);
  if (otherNames.length > 0)
    draft.note(`${secrets?.written}.${otherNames.join(", ")}: the Kinesis sink reads no such secret.`);
  const reference = asFields(kept);
  const secretName = asText(reference["path"]);
  const key = asText(reference["key"]);
  if (secretName !== undefined && key !== undefined) {
    draft.set(`secrets.${PARAM}`, { name: secretName, key });
    return;
  }
  const param =
    typeof kept === "string" ? kept : typeof inline === "object" && inline !== null ? JSON.stringify(inline) : inline;
  const value = asText(param);
  if (value === undefined) return;
  const plugin = asText(draft.get("config.awsCredentialPluginName")) ?? "";
  if (plugin.endsWith("DefaultProviderChainPlugin")) {
    draft.note(`${PARAM}: the default provider chain takes no parameter; it is left out.`);
    return;
  }
  const secret = {
    name: `aws-${name}`,
    key: plugin.endsWith("AssumeRoleProviderPlugin") ? "role.json" : "credentials.json",
  };
  draft.set(`secrets.${PARAM}`, secret, "The credentials that were in the connector's configuration.");
  draft.secret({ ...secret, value });
}
