import { isRegion, meantRegion } from "./region.ts";
import { empty, fieldRule, partRule, type Rule } from "./rule.ts";

const endpoint = /^((https?:\/\/)?([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?\/?)?$/;
const endsWithPort = /:[0-9]+\/?$/;

const credentialPlugins: readonly string[] = [
  "",
  "org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin",
  "org.apache.pulsar.io.aws.AwsDefaultProviderChainPlugin",
  "org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin",
  "org.apache.pulsar.io.aws.STSAssumeRoleProviderPlugin",
];

/** Blank means what it means in CEL's regular expressions; one on nested repetitions would take exponential time here. */
function jsonObjectOrEmpty(text: string): boolean {
  const inner = text.replace(/^[\t\n\f\r ]+/, "").replace(/[\t\n\f\r ]+$/, "");
  return inner === "" || (inner.length > 1 && inner.startsWith("{") && inner.endsWith("}"));
}

/** Twins of the rules under spec.config. */
export const configRules: readonly Rule[] = [
  partRule(
    "RegionRequired",
    "spec.config",
    "spec.config.awsRegion",
    "awsRegion is required unless awsEndpoint is set: give the region of the stream, for example us-west-2",
    ({ config }) => !empty(config.awsRegion) || !empty(config.awsEndpoint),
  ),
  partRule(
    "RegionOfArn",
    "spec.config",
    "spec.config.awsRegion",
    "awsRegion is not the region in the stream's ARN: make them the same",
    ({ config: { awsKinesisStreamName: stream, awsRegion: region } }) =>
      !stream.startsWith("arn:") || empty(region) || stream.includes(`:kinesis:${region}:`),
  ),
  {
    ...partRule(
      "UnknownRegion",
      "spec.config",
      "spec.config.awsRegion",
      "awsRegion is no region of AWS, which have codes such as us-west-2 and ap-southeast-1: correct it",
      ({ config: { awsRegion = "", awsEndpoint } }) =>
        !/^[a-z0-9-]+$/.test(awsRegion) || !empty(awsEndpoint) || isRegion(awsRegion),
    ),
    meant: ({ config }) => meantRegion(config.awsRegion ?? ""),
  },
  partRule(
    "RetryDelays",
    "spec.config",
    "spec.config.retryInitialDelayInMillis",
    "retryInitialDelayInMillis must not exceed retryMaxDelayInMillis: lower the first or raise the second",
    ({ config }) => config.retryInitialDelayInMillis <= config.retryMaxDelayInMillis,
  ),
  partRule(
    "EndpointPortTwice",
    "spec.config",
    "spec.config.awsEndpointPort",
    "the port is given twice: remove it from awsEndpoint, or remove awsEndpointPort",
    ({ config }) => config.awsEndpointPort === undefined || !endsWithPort.test(config.awsEndpoint ?? ""),
  ),
  partRule(
    "StsPortTwice",
    "spec.config",
    "spec.config.awsStsPort",
    "the port is given twice: remove it from awsStsEndpoint, or remove awsStsPort",
    ({ config }) => config.awsStsPort === undefined || !endsWithPort.test(config.awsStsEndpoint ?? ""),
  ),
  partRule(
    "InsecureEndpoint",
    "spec.config",
    "spec.config.skipCertificateValidation",
    "skipCertificateValidation is for local tests against awsEndpoint: set awsEndpoint, or remove it",
    ({ config }) => !config.skipCertificateValidation || !empty(config.awsEndpoint),
  ),
  partRule(
    "CredentialParamJson",
    "spec.config",
    "spec.config.awsCredentialPluginParam",
    `awsCredentialPluginParam must be a JSON object in a string, for example '{"accessKey":"…","secretKey":"…"}'`,
    ({ config }) => jsonObjectOrEmpty(config.awsCredentialPluginParam ?? ""),
  ),
  fieldRule(
    "StreamName",
    "spec.config.awsKinesisStreamName",
    "must be a stream's name (1 to 128 letters, digits, '_', '.' or '-') or its ARN (arn:aws:kinesis:REGION:ACCOUNT:stream/NAME)",
    ({ config }) => config.awsKinesisStreamName,
    (name) =>
      /^([a-zA-Z0-9_.-]{1,128}|arn:aws[a-z-]*:kinesis:[a-z0-9-]+:[0-9]{12}:stream\/[a-zA-Z0-9_.-]{1,128})$/.test(name),
  ),
  {
    ...fieldRule(
      "Region",
      "spec.config.awsRegion",
      "must be the code of an AWS region in lower case, for example us-west-2",
      ({ config }) => config.awsRegion,
      (region) => /^[a-z0-9-]*$/.test(region),
    ),
    meant: ({ config }) => meantRegion(config.awsRegion ?? ""),
  },
  fieldRule(
    "Endpoint",
    "spec.config.awsEndpoint",
    "must be a host or an http(s) URL without a path, for example kinesis.example.com or https://kinesis.example.com:4567",
    ({ config }) => config.awsEndpoint,
    (url) => endpoint.test(url),
  ),
  fieldRule(
    "CredentialPlugin",
    "spec.config.awsCredentialPluginName",
    "must be empty (access key in awsCredentialPluginParam), org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin or org.apache.pulsar.io.kinesis.STSAssumeRoleProviderPlugin: other plugins are Java classes and cannot be loaded here",
    ({ config }) => config.awsCredentialPluginName,
    (name) => credentialPlugins.includes(name),
  ),
  fieldRule(
    "StsEndpoint",
    "spec.config.awsStsEndpoint",
    "must be a host or an http(s) URL without a path, for example sts.example.com or https://sts.example.com:4592",
    ({ config }) => config.awsStsEndpoint,
    (url) => endpoint.test(url),
  ),
];
