import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import type { ConditionType } from "../../crds/status-values.ts";
import { createTraffic, type Traffic } from "../load/traffic.ts";
import { arrived } from "./cause.ts";
import { type FakeEndpoint, startFakeEndpoint } from "./fake-endpoint.ts";
import { startFlow } from "./flow.ts";
import { condition, isReady } from "./kube.ts";
import { createScenario, type Scenario, type SpecChanges } from "./scenario.ts";
import { operatorInstalled, theEnvironment, theStage } from "./setup.ts";
import { type SinkWatch, watchSinks } from "./sink-watch.ts";

const SMALL = { ordered: true, partitions: 2, shards: 1 };
const MESSAGES = 120;
const KEYS = 60;

describe("what a sink that is Ready tells", { concurrency: true }, () => {
  let watch: SinkWatch;

  before(async () => {
    await operatorInstalled();
    watch = watchSinks();
  });
  after(() => watch.close());

  const untilCondition = ({ namespace, name }: Scenario, type: ConditionType, reason: string | undefined) =>
    watch.until(namespace, name, `${type} has reason ${reason}`, (sink) => condition(sink, type)?.reason === reason);
  const message = (sink: KinesisSink, type: ConditionType): string => condition(sink, type)?.message ?? "";

  const playReady = async (
    scenario: Scenario,
    play: (traffic: Traffic) => Promise<void>,
    config: NonNullable<SpecChanges["config"]> = {},
  ): Promise<void> => {
    const { stage, namespace, name, topic, partitions } = scenario;
    const traffic = createTraffic({ serviceUrl: stage.pulsar.serviceUrl, topic, partitions, keys: KEYS });
    try {
      await stage.kube.apply(scenario.manifest({ config }));
      await watch.until(namespace, name, "Ready", isReady);
      await play(traffic);
    } finally {
      await traffic.close();
      await scenario.remove();
    }
  };

  test("in a namespace that enforces the restricted Pod Security Standard: its messages flow", async () => {
    const namespaceLabels = { "pod-security.kubernetes.io/enforce": "restricted" };
    const scenario = await createScenario(theStage(), { ...SMALL, name: "restricted", namespaceLabels });
    await playReady(scenario, async (traffic) => {
      await traffic.publish(MESSAGES);
      await arrived(scenario, traffic);
    });
  });

  test("when a message exceeds what the stream takes: it is named, and holds its topic partition alone", async () => {
    const scenario = await createScenario(theStage(), { ...SMALL, name: "poison" });
    await playReady(scenario, async (traffic) => {
      await traffic.publish(MESSAGES);
      await arrived(scenario, traffic);
      const before = traffic.produced.length;
      await traffic.publishLarge(0, 1_100_000);
      await traffic.publish(MESSAGES);
      const stalled = await untilCondition(scenario, "Stalled", "PoisonMessage");
      const [first, second] = [`${scenario.topic}-partition-0`, `${scenario.topic}-partition-1`];
      assert.match(message(stalled, "Stalled"), /message \d+:\d+\S* of /);
      assert.ok(message(stalled, "Stalled").includes(`${first} cannot be delivered (RecordTooLarge)`));
      assert.equal(isReady(stalled), true);
      const flowing = traffic.produced.filter(
        ({ topicPartition }, index) => index < before || topicPartition === second,
      );
      await arrived(scenario, { produced: flowing });
    });
  });

  test("when its shard is throttled: which one, and nothing is lost", async () => {
    const fake: FakeEndpoint = await startFakeEndpoint(theEnvironment(), {});
    try {
      const stage = { ...theStage(), kinesisEndpoint: fake.endpoint };
      const scenario = await createScenario(stage, { ...SMALL, name: "throttled" });
      const play = async (): Promise<void> => {
        const code = "ProvisionedThroughputExceededException";
        await fake.setFaults({ recordFailure: { probability: 0.4, code } });
        // more than the shard takes, so that some are always waiting for it
        const flow = startFlow(scenario, { perSecond: 30, keys: KEYS });
        try {
          const throttled = await untilCondition(scenario, "Throttled", "ShardThrottled");
          assert.match(message(throttled, "Throttled"), /shardId-0{12}.* add shards to the stream/);
          assert.equal(isReady(throttled), true);
        } finally {
          await flow.stop();
        }
        await fake.setFaults({ recordFailure: { probability: 0, code } });
        await arrived(scenario, flow.traffic);
        await untilCondition(scenario, "Throttled", "NotThrottled");
      };
      // at most 20 records a second, and one for each message
      await playReady(scenario, play, { aggregationEnabled: false, rateLimit: 2, retryMaxDelayInMillis: 1000 });
    } finally {
      await fake.close();
    }
  });
});
