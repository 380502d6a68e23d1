/** What people wrote, as it stands in a file, and what they are told: the place and the words. */
export interface BadFile {
  readonly name: string;
  readonly text: string;
  /** Each `line:column: …` that must be among the problems; the text after the place is a part of what is said. */
  readonly told: readonly string[];
}

export const GOOD_FILE = `apiVersion: pulsar-kinesis.io/v1alpha1
kind: KinesisSink
metadata:
  name: orders
spec:
  config:
    awsKinesisStreamName: orders
    awsRegion: us-west-2
  secrets:
    awsCredentialPluginParam: { name: aws-orders, key: credentials.json }
  pulsar:
    serviceUrl: pulsar://127.0.0.1:6650
    topics: [persistent://public/default/orders]
`;

function without(line: string): string {
  return changed(`${line}\n`, "");
}

function changed(from: string, to: string): string {
  if (!GOOD_FILE.includes(from)) throw new Error(`the good file has no ${from}`);
  return GOOD_FILE.replace(from, to);
}

const inConfig = (line: string): string =>
  changed("    awsRegion: us-west-2\n", `    awsRegion: us-west-2\n    ${line}\n`);
const inPulsar = (line: string): string => `${GOOD_FILE}    ${line}\n`;
const inSpec = (line: string): string => `${GOOD_FILE}  ${line}\n`;

const notYaml: readonly BadFile[] = [
  { name: "nothing", text: "", told: ["1:1: holds no KinesisSink: it is empty"] },
  { name: "comments alone", text: "# later\n---\n# or never\n", told: ["1:1: holds no KinesisSink: it is empty"] },
  { name: "a tab", text: changed("    awsRegion", "\tawsRegion"), told: ["8:1: is not YAML: a tab does not indent"] },
  {
    name: "a bracket that is missing",
    text: changed("orders]", "orders"),
    told: ["14:1: is not YAML: the indentation does not fit", "or close the bracket before it"],
  },
  {
    name: "a quote that is missing",
    text: changed("us-west-2", '"us-west-2'),
    told: ["is not YAML: a bracket, a quote"],
  },
  {
    name: "a field deeper than its neighbours",
    text: changed("    awsRegion", "      awsRegion"),
    told: ["is not YAML"],
  },
  {
    name: "a field twice",
    text: inConfig("awsRegion: us-west-1"),
    told: ["9:5: is not YAML: the same field a second time"],
  },
  { name: "a colon in a value", text: changed("  name: orders", "  name: orders: new"), told: ["4:"] },
  { name: "a word", text: "orders\n", told: ["1:1: must be an object"] },
];

const wrongDocument: readonly BadFile[] = [
  {
    name: "another object",
    text: "apiVersion: v1\nkind: Secret\nmetadata: { name: aws }\n",
    told: ["1:1: holds no KinesisSink: it has Secret"],
  },
  {
    name: "a version that does not exist",
    text: changed("v1alpha1", "v1"),
    told: ["1:13: apiVersion: must be pulsar-kinesis.io/v1alpha1"],
  },
  {
    name: "another group",
    text: changed("pulsar-kinesis.io/v1alpha1", "compute.functionmesh.io/v1alpha1"),
    told: ["1:13: apiVersion: must be pulsar-kinesis.io/v1alpha1"],
  },
  {
    name: "a kind in small letters",
    text: changed("KinesisSink", "kinesissink"),
    told: ["2:7: kind: must be KinesisSink"],
  },
  { name: "no kind", text: without("kind: KinesisSink"), told: ["kind: is required"] },
  { name: "no name", text: changed("  name: orders\n", "  labels: {}\n"), told: ["3:1: metadata.name: is required"] },
  {
    name: "a name in capitals",
    text: changed("name: orders", "name: Orders_1"),
    told: [
      "4:9: metadata.name: must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.': did you mean orders-1?",
    ],
  },
  {
    name: "a long name",
    text: changed("name: orders", "name: orders-of-all-european-shops-to-the-lake-01"),
    told: ["4:9: metadata.name: metadata.name must be at most 40 characters"],
  },
  {
    name: "an empty spec",
    text: GOOD_FILE.replace(/spec:\n.*/s, "spec:\n"),
    told: ["5:1: spec: must be an object and is empty: write spec: { config: …, pulsar: … }"],
  },
  {
    name: "a spec that is not indented",
    text: GOOD_FILE.replace(/^ {2}(?=(config|secrets|pulsar):)/gm, "").replace(/^ {4}/gm, "  "),
    told: [
      "6:1: config: unknown field here: did you mean spec.config?",
      "pulsar: unknown field here: did you mean spec.pulsar?",
    ],
  },
  {
    name: "a second sink that is wrong",
    text: `${GOOD_FILE}---\n${changed("us-west-2", "us-wset-2")}`,
    told: ["22:16: spec.config.awsRegion: awsRegion is no region of AWS"],
  },
];

const connectors: readonly BadFile[] = [
  {
    name: "what pulsar-admin prints",
    text: '{\n "tenant": "public",\n "className": "org.apache.pulsar.io.kinesis.KinesisSink",\n "configs": { "awsRegion": "us-west-2" }\n}\n',
    told: ['is a Pulsar IO configuration, not a KinesisSink: make one of it with "kinesis-sink convert'],
  },
  {
    name: "a configuration of Pulsar IO",
    text: "tenant: public\nname: orders\nsinkType: kinesis\ninputs: [orders]\nconfigs:\n  awsRegion: us-west-2\n",
    told: ["1:1: is a Pulsar IO configuration"],
  },
  {
    name: "a Sink of Function Mesh",
    text: "apiVersion: compute.functionmesh.io/v1alpha1\nkind: Sink\nmetadata: { name: orders }\nspec: { sinkConfig: {} }\n",
    told: ["1:1: is a Function Mesh Sink"],
  },
  {
    name: "a PulsarSink",
    text: "apiVersion: resource.streamnative.io/v1alpha1\nkind: PulsarSink\nmetadata: { name: orders }\nspec: {}\n",
    told: ["1:1: is a PulsarSink"],
  },
  {
    name: "a connector's fields in a KinesisSink",
    text: changed(
      GOOD_FILE.slice(GOOD_FILE.indexOf("  config:")),
      "  tenant: public\n  className: a.B\n  input:\n    topics: [a]\n  sinkConfig:\n    awsRegion: us-west-2\n",
    ),
    told: [
      "6:3: spec.tenant: unknown field: remove it",
      "7:3: spec.className: unknown field: remove it",
      "8:3: spec.input: unknown field: did you mean spec.pulsar.topics?",
      "10:3: spec.sinkConfig: unknown field: did you mean config?",
      "5:1: spec.config: is required",
    ],
  },
];

const wrongNames: readonly BadFile[] = [
  {
    name: "a misspelt property",
    text: inConfig("retainOrder: true"),
    told: ["9:5: spec.config.retainOrder: unknown field: did you mean retainOrdering?"],
  },
  {
    name: "other capitals",
    text: inConfig("retainordering: true"),
    told: ["9:5: spec.config.retainordering: unknown field: did you mean retainOrdering?"],
  },
  {
    name: "a property one level too high",
    text: inSpec("retainOrdering: true"),
    told: ["14:3: spec.retainOrdering: unknown field here: did you mean spec.config.retainOrdering?"],
  },
  {
    name: "another name of the endpoint",
    text: inConfig("kinesisEndpoint: foo"),
    told: ["9:5: spec.config.kinesisEndpoint: unknown field: did you mean awsEndpoint?"],
  },
  {
    name: "another name of the subscription",
    text: inPulsar("subscriptionName: public/default/orders"),
    told: ["14:5: spec.pulsar.subscriptionName: unknown field: did you mean spec.pulsar.subscription.name?"],
  },
  {
    name: "the producer library's buffered time",
    text: inConfig("recordMaxBufferedTime: 100"),
    told: ["9:5: spec.config.recordMaxBufferedTime: unknown field: did you mean spec.lingerMillis?"],
  },
  {
    name: "a connector's archive",
    text: inSpec("archive: builtin://kinesis"),
    told: ["14:3: spec.archive: unknown field: remove it"],
  },
  {
    name: "resources beside the pod",
    text: inSpec("resources: { limits: { memory: 1Gi } }"),
    told: ["14:3: spec.resources: unknown field: did you mean spec.pod.resources?"],
  },
];

const wrongValues: readonly BadFile[] = [
  {
    name: "a boolean in quotes",
    text: inConfig('retainOrdering: "true"'),
    told: ["9:21: spec.config.retainOrdering: must be a boolean, not a string: remove the quotes"],
  },
  {
    name: "a number in quotes",
    text: inSpec('replicas: "2"'),
    told: ["14:13: spec.replicas: must be an integer, not a string: remove the quotes"],
  },
  {
    name: "milliseconds with their unit",
    text: inSpec("lingerMillis: 100ms"),
    told: ["14:17: spec.lingerMillis: must be an integer without a unit: write 100: milliseconds"],
  },
  {
    name: "seconds for milliseconds",
    text: inConfig("requestTimeout: 6"),
    told: ["9:21: spec.config.requestTimeout: must be between 100 and 600000 milliseconds: did you mean 6000?"],
  },
  {
    name: "a timeout of hours",
    text: inConfig("requestTimeout: 6000000"),
    told: ["9:21: spec.config.requestTimeout: must be between 100 and 600000 milliseconds"],
  },
  {
    name: "a negative number of replicas",
    text: inSpec("replicas: -1"),
    told: ["14:13: spec.replicas: must be between 0 and 100"],
  },
  {
    name: "a format in small letters",
    text: inConfig("messageFormat: only_raw_payload"),
    told: ["did you mean ONLY_RAW_PAYLOAD?"],
  },
  {
    name: "one topic without brackets",
    text: changed("[persistent://public/default/orders]", "orders"),
    told: ["13:13: spec.pulsar.topics: must be an array: write topics: [ … ], also for a single one"],
  },
  {
    name: "a subscription by its name alone",
    text: inPulsar("subscription: public/default/orders"),
    told: ["14:19: spec.pulsar.subscription: must be an object, not a string: write subscription: { name: … }"],
  },
  {
    name: "a dead-letter topic by its name alone",
    text: inSpec("deadLetter: persistent://public/default/dead"),
    told: ["14:15: spec.deadLetter: must be an object, not a string: write deadLetter: { topic: … }"],
  },
  {
    name: "a token in place of a Secret",
    text: inPulsar("auth: { token: eyJhbGciOi.secret.token }"),
    told: ["14:20: spec.pulsar.auth.token: must be an object, not a string: write token: { name: SECRET }"],
  },
  {
    name: "a parameter as an object",
    text: changed(
      "  secrets:\n    awsCredentialPluginParam: { name: aws-orders, key: credentials.json }\n",
      "    awsCredentialPluginParam: { accessKey: AKIASECRET, secretKey: s3cr3tvalue }\n",
    ),
    told: ["9:5: spec.config.awsCredentialPluginParam: must be a string, not an object: name a Secret key"],
  },
  {
    name: "a parameter that is no JSON",
    text: changed(
      "  secrets:\n    awsCredentialPluginParam: { name: aws-orders, key: credentials.json }\n",
      "    awsCredentialPluginParam: accessKey=AKIASECRET\n",
    ),
    told: ["9:31: spec.config.awsCredentialPluginParam: awsCredentialPluginParam must be a JSON object in a string"],
  },
  {
    name: "memory in MB",
    text: inSpec("pod: { resources: { limits: { memory: 512MB } } }"),
    told: [
      "14:41: spec.pod.resources.limits.memory: must be a quantity, for example 100m or 512Mi: did you mean 512Mi?",
    ],
  },
  {
    name: "CPU in cores",
    text: inSpec("pod: { resources: { limits: { cpu: 0.5cores } } }"),
    told: ["did you mean 500m?"],
  },
  {
    name: "a field without its value",
    text: inSpec("deadLetter:"),
    told: ["14:3: spec.deadLetter: must be an object and is empty: write deadLetter: { topic: … }"],
  },
];

const brokenRules: readonly BadFile[] = [
  {
    name: "no stream",
    text: without("    awsKinesisStreamName: orders"),
    told: ["6:3: spec.config.awsKinesisStreamName: is required"],
  },
  {
    name: "no region",
    text: without("    awsRegion: us-west-2"),
    told: ["6:3: spec.config.awsRegion: awsRegion is required unless awsEndpoint is set"],
  },
  {
    name: "a region in capitals",
    text: changed("us-west-2", "US_WEST_2"),
    told: [
      "8:16: spec.config.awsRegion: must be the code of an AWS region in lower case, for example us-west-2: did you mean us-west-2?",
    ],
  },
  {
    name: "a region that does not exist",
    text: changed("us-west-2", "us-wset-2"),
    told: [
      "8:16: spec.config.awsRegion: awsRegion is no region of AWS, which have codes such as us-west-2 and ap-southeast-1: correct it: did you mean us-west-2?",
    ],
  },
  {
    name: "no credentials",
    text: GOOD_FILE.replace(/ {2}secrets:\n.*\n/, ""),
    told: ["6:3: spec.config.awsCredentialPluginName: no credentials"],
  },
  {
    name: "a credential plugin of one's own",
    text: inConfig("awsCredentialPluginName: com.example.Vault"),
    told: ["9:30: spec.config.awsCredentialPluginName: must be empty"],
  },
  {
    name: "an http address as service URL",
    text: changed("pulsar://127.0.0.1:6650", "http://127.0.0.1:8080"),
    told: ["12:17: spec.pulsar.serviceUrl: must be pulsar://host:6650", "an http address belongs in adminUrl"],
  },
  {
    name: "a service URL without its scheme",
    text: changed("pulsar://127.0.0.1:6650", "127.0.0.1:6650"),
    told: ["12:17: spec.pulsar.serviceUrl: must be pulsar://host:6650"],
  },
  {
    name: "no topics",
    text: without("    topics: [persistent://public/default/orders]"),
    told: ["11:3: spec.pulsar.topics: exactly one of topics and topicsPattern must be given"],
  },
  {
    name: "a non-persistent topic",
    text: changed("[persistent:", "[non-persistent:"),
    told: ["13:14: spec.pulsar.topics[0]: must be persistent://tenant/namespace/topic"],
  },
  {
    name: "a pattern that is no regular expression",
    text: changed(
      "topics: [persistent://public/default/orders]",
      "topicsPattern: persistent://public/default/orders-(",
    ),
    told: ["13:20: spec.pulsar.topicsPattern: is no regular expression"],
  },
  {
    name: "dead letters into the topic that is read",
    text: inSpec("deadLetter: { topic: orders }"),
    told: ["14:24: spec.deadLetter.topic: the dead-letter topic is one of spec.pulsar.topics"],
  },
  {
    name: "TLS settings on a plain connection",
    text: inPulsar("tls: { ca: { secret: { name: ca } } }"),
    told: ["14:5: spec.pulsar.tls: tls has no effect on a plain connection"],
  },
];

export const badFiles: readonly BadFile[] = [
  ...notYaml,
  ...wrongDocument,
  ...connectors,
  ...wrongNames,
  ...wrongValues,
  ...brokenRules,
];

/** What is right, though it may not look so. */
export const goodFiles: readonly { readonly name: string; readonly text: string }[] = [
  { name: "a plain sink", text: GOOD_FILE },
  { name: "two sinks", text: `${GOOD_FILE}---\n${changed("name: orders", "name: orders2")}` },
  { name: "a boolean of YAML 1.1", text: inConfig("retainOrdering: yes") },
  { name: "a merged map", text: changed("    awsRegion: us-west-2\n", "    <<: &x { awsRegion: us-west-2 }\n") },
  { name: "a service URL without its port", text: changed("127.0.0.1:6650", "127.0.0.1") },
  {
    name: "JSON",
    text: JSON.stringify({
      apiVersion: "v1",
      kind: "List",
      items: [
        { kind: "Secret", apiVersion: "v1" },
        {
          apiVersion: "pulsar-kinesis.io/v1alpha1",
          kind: "KinesisSink",
          metadata: { name: "orders" },
          spec: {
            config: { awsKinesisStreamName: "orders", awsRegion: "us-west-2" },
            secrets: { awsCredentialPluginParam: { name: "a", key: "b" } },
            pulsar: { serviceUrl: "pulsar://a:6650", topics: ["orders"] },
          },
        },
      ],
    }),
  },
];
