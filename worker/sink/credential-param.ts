import type { AwsCredentialIdentity } from "@smithy/types";
import { SinkError } from "./sink.ts";

/** `keys`: static keys; `chain`: the default chain; `role`: the default chain, then STS AssumeRole. */
export type CredentialWay = "keys" | "chain" | "role";

export interface AssumeRole {
  readonly roleArn: string;
  readonly roleSessionName: string;
  readonly externalId: string | undefined;
}

const CLASS_PREFIXES = ["org.apache.pulsar.io.kinesis.", "org.apache.pulsar.io.aws."];

/** The way that a value of `awsCredentialPluginName` stands for. @throws SinkError naming the three. */
export function credentialWay(pluginName: string): CredentialWay {
  const name = pluginName.trim();
  if (name === "") return "keys";
  const prefix = CLASS_PREFIXES.find((candidate) => name.startsWith(candidate));
  const simpleName = prefix === undefined ? undefined : name.slice(prefix.length);
  if (simpleName === "AwsDefaultProviderChainPlugin") return "chain";
  if (simpleName === "STSAssumeRoleProviderPlugin") return "role";
  throw invalid(
    "awsCredentialPluginName is none of: empty (accessKey and secretKey), " +
      "org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin, org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin",
  );
}

/** `{"accessKey","secretKey"}`, optionally `sessionToken`. @throws SinkError naming the field, never a value. */
export function parseStaticKeys(text: string): AwsCredentialIdentity {
  const example = '{"accessKey":"…","secretKey":"…"}';
  const fields = parseObject(text, example);
  const accessKeyId = required(fields, "accessKey", example);
  const secretAccessKey = required(fields, "secretKey", example);
  const sessionToken = optional(fields, "sessionToken");
  return sessionToken === undefined ? { accessKeyId, secretAccessKey } : { accessKeyId, secretAccessKey, sessionToken };
}

/** `{"roleArn","roleSessionName"}`, optionally `externalId`. @throws SinkError naming the field. */
export function parseAssumeRole(text: string): AssumeRole {
  const example = '{"roleArn":"arn:…","roleSessionName":"…"}';
  const fields = parseObject(text, example);
  return {
    roleArn: required(fields, "roleArn", example),
    // The connector's documentation spells it so once, and people copied it.
    roleSessionName:
      optional(fields, "roleSessionName") ??
      optional(fields, "roleSessionNmae") ??
      required(fields, "roleSessionName", example),
    externalId: optional(fields, "externalId"),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string, example: string): Fields {
  if (text.trim() === "")
    throw invalid(`awsCredentialPluginParam is empty: set it to ${example}`, "CredentialsMissing");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which is a secret.
    throw invalid(`awsCredentialPluginParam is not valid JSON: set it to ${example}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(`awsCredentialPluginParam is not a JSON object: set it to ${example}`);
  }
  return value as Fields;
}

function required(fields: Fields, name: string, example: string): string {
  const value = optional(fields, name);
  if (value === undefined) {
    throw invalid(`awsCredentialPluginParam has no ${name}: set it to ${example}`, "CredentialsMissing");
  }
  return value;
}

/** Absent, null and blank are the same; surrounding space comes from careless Secrets and is never part of a value. */
function optional(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalid(`awsCredentialPluginParam: ${name} must be a string`);
  return value.trim() === "" ? undefined : value.trim();
}

function invalid(message: string, code: "InvalidCredentials" | "CredentialsMissing" = "InvalidCredentials"): SinkError {
  return new SinkError({ code, class: "notReady", message, ambiguous: false });
}
