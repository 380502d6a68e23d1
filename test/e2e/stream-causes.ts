import type { Cause } from "./cause.ts";
import { startFakeEndpoint } from "./fake-endpoint.ts";
import { CREDENTIALS, createScenario, credentialsSecret, SECRET, SECRET_KEY } from "./scenario.ts";
import { theEnvironment, theStage } from "./setup.ts";
import { createStream } from "./stage.ts";

const SMALL = { partitions: 2, shards: 1 };
const REVOKED = "AKIAREVOKED000000000";

/** What is wrong with the stream or with the credentials for it. */
export const streamCauses: readonly Cause[] = [
  {
    name: "credentials that AWS refuses",
    reason: "InvalidCredentials",
    side: "StreamWritable",
    stalls: true,
    arrange: async () => {
      const refusedKeys = { [REVOKED]: "UnrecognizedClientException" };
      const fake = await startFakeEndpoint(theEnvironment(), { refusedKeys });
      const stage = { ...theStage(), kinesisEndpoint: fake.endpoint };
      const scenario = await createScenario(stage, { ...SMALL, name: "revoked", ordered: true, withSecret: false });
      const { namespace } = scenario;
      const secretKey = "a-secret-that-nobody-may-see";
      const param = JSON.stringify({ accessKey: REVOKED, secretKey });
      await stage.kube.apply(credentialsSecret(namespace, { [SECRET_KEY]: param }));
      return {
        scenario,
        words: ["UnrecognizedClientException", "awsCredentialPluginParam"],
        secrets: [secretKey],
        mend: async () => void (await stage.kube.apply(credentialsSecret(namespace))),
        close: () => fake.close(),
      };
    },
  },
  {
    name: "credentials that are not JSON",
    reason: "InvalidCredentials",
    side: "StreamWritable",
    stalls: true,
    arrange: async () => {
      const { kube } = theStage();
      const scenario = await createScenario(theStage(), {
        ...SMALL,
        name: "garbled",
        ordered: false,
        withSecret: false,
      });
      const { namespace } = scenario;
      const param = "test-access-key:a-secret-that-nobody-may-see";
      await kube.apply(credentialsSecret(namespace, { [SECRET_KEY]: param }));
      return {
        scenario,
        words: ["awsCredentialPluginParam is not valid JSON", '{"accessKey":"…","secretKey":"…"}'],
        secrets: ["a-secret-that-nobody-may-see"],
        mend: async () => void (await kube.apply(credentialsSecret(namespace))),
      };
    },
  },
  {
    name: "a Secret that does not exist",
    reason: "SecretMissing",
    side: "StreamWritable",
    stalls: true,
    arrange: async () => {
      const scenario = await createScenario(theStage(), {
        ...SMALL,
        name: "no-secret",
        ordered: true,
        withSecret: false,
      });
      return {
        scenario,
        words: [`Secret ${SECRET} does not exist`, SECRET_KEY],
        mend: async () => void (await theStage().kube.apply(credentialsSecret(scenario.namespace))),
      };
    },
  },
  {
    name: "a Secret without the key",
    reason: "SecretKeyMissing",
    side: "StreamWritable",
    stalls: true,
    arrange: async () => {
      const { kube } = theStage();
      const scenario = await createScenario(theStage(), { ...SMALL, name: "no-key", ordered: true, withSecret: false });
      const { namespace } = scenario;
      await kube.apply(credentialsSecret(namespace, { "other.json": CREDENTIALS }));
      return {
        scenario,
        words: [`Secret ${SECRET} has no key ${SECRET_KEY}`],
        mend: async () =>
          void (await kube.apply(credentialsSecret(namespace, { "other.json": "{}", [SECRET_KEY]: CREDENTIALS }))),
      };
    },
  },
  {
    name: "a stream that does not exist",
    reason: "StreamNotFound",
    side: "StreamWritable",
    stalls: true,
    arrange: async () => {
      const scenario = await createScenario(theStage(), {
        ...SMALL,
        name: "no-stream",
        ordered: true,
        withStream: false,
      });
      return {
        scenario,
        words: [`Stream ${scenario.stream} does not exist`, theStage().kinesisEndpoint, "awsKinesisStreamName"],
        mend: () => createStream(theStage().kinesisEndpoint, scenario.stream, 1),
      };
    },
  },
];
