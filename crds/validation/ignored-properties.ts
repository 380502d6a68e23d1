import type { KinesisSink, KinesisSinkSpec } from "../kinesissink.generated.ts";
import { empty } from "./rule.ts";

/** A field that is taken for the sake of a connector's manifest, and when it does nothing. */
interface Idle {
  readonly path: string;
  /** True when the field was given, or set to other than its default, and has no effect. */
  readonly idle: (spec: KinesisSinkSpec) => boolean;
}

const plugin = ({ config }: KinesisSinkSpec): string => (config.awsCredentialPluginName ?? "").split(".").at(-1) ?? "";
const assumesRole = (spec: KinesisSinkSpec): boolean => plugin(spec) === "STSAssumeRoleProviderPlugin";
const defaultChain = (spec: KinesisSinkSpec): boolean => plugin(spec) === "AwsDefaultProviderChainPlugin";
const expands = ({ config }: KinesisSinkSpec): boolean => config.messageFormat === "FULL_MESSAGE_IN_JSON_EXPAND_VALUE";

const idleFields: readonly Idle[] = [
  { path: "spec.config.minConnections", idle: ({ config }) => config.minConnections !== undefined },
  { path: "spec.config.credentialsRefreshDelay", idle: ({ config }) => config.credentialsRefreshDelay !== undefined },
  { path: "spec.config.nativeExecutable", idle: ({ config }) => !empty(config.nativeExecutable) },
  {
    path: "spec.config.extraKinesisProducerConfig",
    idle: ({ config }) => config.extraKinesisProducerConfig !== undefined,
  },
  { path: "spec.config.cloudwatchEndpoint", idle: ({ config }) => !empty(config.cloudwatchEndpoint) },
  {
    path: "spec.config.awsEndpointPort",
    idle: ({ config }) => config.awsEndpointPort !== undefined && empty(config.awsEndpoint),
  },
  { path: "spec.config.awsStsEndpoint", idle: (spec) => !empty(spec.config.awsStsEndpoint) && !assumesRole(spec) },
  {
    path: "spec.config.awsStsPort",
    idle: (spec) => spec.config.awsStsPort !== undefined && (empty(spec.config.awsStsEndpoint) || !assumesRole(spec)),
  },
  {
    path: "spec.config.awsCredentialPluginParam",
    idle: (spec) => !empty(spec.config.awsCredentialPluginParam) && defaultChain(spec),
  },
  {
    path: "spec.secrets.awsCredentialPluginParam",
    idle: (spec) => spec.secrets?.awsCredentialPluginParam !== undefined && defaultChain(spec),
  },
  { path: "spec.lingerMillis", idle: ({ config, lingerMillis }) => lingerMillis > 0 && !config.aggregationEnabled },
  { path: "spec.config.jsonFlatten", idle: (spec) => spec.config.jsonFlatten && !expands(spec) },
  { path: "spec.config.jsonIncludeNonNulls", idle: (spec) => !spec.config.jsonIncludeNonNulls && !expands(spec) },
];

/** What the definition takes of `status.ignoredProperties`. */
const MAX_PATHS = 64;
const MAX_PATH_LENGTH = 256;

/**
 * Paths of the fields that were given and have no effect, for `status.ignoredProperties`: those that this version does not
 * know, and those that it has no use for. As many as the definition takes.
 */
export function ineffectiveFields(sink: KinesisSink, unknownFields: readonly string[]): string[] {
  const bounded = (path: string) =>
    path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH - 1).toWellFormed()}…` : path;
  return [...new Set([...ignoredProperties(sink), ...unknownFields].map(bounded))].slice(0, MAX_PATHS);
}

/**
 * Paths of the fields that were given and have no effect: internals of the Kinesis Producer Library, and what the other
 * fields leave without meaning. Never an error.
 */
export function ignoredProperties({ spec }: KinesisSink): string[] {
  return idleFields.filter(({ idle }) => idle(spec)).map(({ path }) => path);
}
