import { type BadManifest, config } from "./bad-manifest.ts";

const noSecret = { awsCredentialPluginParam: null };

export const badCredentialManifests: readonly BadManifest[] = [
  {
    name: "no credentials",
    patch: { spec: { secrets: noSecret } },
    field: "spec.config.awsCredentialPluginName",
    message: "name a Secret key that holds",
  },
  {
    name: "the parameter inline and in a Secret",
    patch: config({ awsCredentialPluginParam: '{"accessKey":"a","secretKey":"b"}' }),
    field: "spec.config.awsCredentialPluginParam",
    message: "awsCredentialPluginParam is given twice",
  },
  {
    name: "an inline parameter that is no JSON object",
    patch: { spec: { config: { awsCredentialPluginParam: "accessKey=a,secretKey=b" }, secrets: noSecret } },
    field: "spec.config.awsCredentialPluginParam",
    message: "must be a JSON object in a string",
  },
  {
    name: "a credential plugin of one's own",
    patch: config({ awsCredentialPluginName: "com.example.VaultPlugin" }),
    field: "spec.config.awsCredentialPluginName",
    message: "other plugins are Java classes and cannot be loaded here",
  },
  {
    name: "a role to assume that is not given",
    patch: {
      spec: {
        config: { awsCredentialPluginName: "org.apache.pulsar.io.aws.STSAssumeRoleProviderPlugin" },
        secrets: noSecret,
      },
    },
    field: "spec.config.awsCredentialPluginParam",
    message: "STSAssumeRoleProviderPlugin needs",
  },
  {
    name: "an STS endpoint's port given twice",
    patch: config({ awsStsEndpoint: "sts.example.com:443", awsStsPort: 443 }),
    field: "spec.config.awsStsPort",
    message: "the port is given twice",
  },
  {
    name: "an STS endpoint with a path",
    patch: config({ awsStsEndpoint: "https://sts.example.com/sts" }),
    field: "spec.config.awsStsEndpoint",
    message: "must be a host or an http(s) URL without a path",
  },
  {
    name: "a Secret without its key",
    patch: { spec: { secrets: { awsCredentialPluginParam: { key: null } } } },
    field: "spec.secrets.awsCredentialPluginParam.key",
    message: "is required: key in the Secret",
    server: ["spec.secrets.awsCredentialPluginParam.key: Required value"],
  },
  {
    name: "a Secret's name that no Secret can have",
    patch: { spec: { secrets: { awsCredentialPluginParam: { name: "AWS_Orders" } } } },
    field: "spec.secrets.awsCredentialPluginParam.name",
    message: "must be the name of a Kubernetes object",
    server: ["spec.secrets.awsCredentialPluginParam.name", "should match"],
  },
];
