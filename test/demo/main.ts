/**
 * The main job, end to end, on real parts: the operator installed by its chart, a KinesisSink applied, messages with keys
 * produced to a partitioned topic and read back from the stream.
 */
import { parseArgs } from "node:util";
import { dump } from "js-yaml";
import { isReady } from "../e2e/kube.ts";
import { createScenario, type Scenario } from "../e2e/scenario.ts";
import { installOperator, type Stage } from "../e2e/stage.ts";
import { interruption, rejection } from "../interruption.ts";
import { checkGuarantee, type Numbered } from "../load/guarantee.ts";
import { createTraffic, readNumbered } from "../load/traffic.ts";
import { until } from "../until.ts";
import { openStage } from "./open-stage.ts";

const MESSAGES = 1000;
const KEYS = 50;
const PARTITIONS = 4;
const SHARDS = 4;
const SHOWN = 5;

const { values } = parseArgs({
  options: { cluster: { type: "string", default: "local" }, pipeline: { type: "string", default: "ordered" } },
});
const ordered = values.pipeline === "ordered";
if (!ordered && values.pipeline !== "unordered") fail(`DEMO=${values.pipeline} is neither ordered nor unordered`);
if (values.cluster !== "local" && values.cluster !== "current")
  fail(`CLUSTER=${values.cluster} is neither local nor current`);

const interrupted = interruption();

const say = (line: string) => console.log(`\n▸ ${line}`);

try {
  say(
    values.cluster === "local"
      ? "Starting Kubernetes, Pulsar and Kinesis on this machine"
      : "Using the current cluster",
  );
  const opened = await openStage(values.cluster, (line) => console.log(`  ${line}`), interrupted);
  try {
    await Promise.race([play(opened.stage, opened.chart), rejection(interrupted)]);
  } finally {
    await opened.close();
  }
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

async function play(stage: Stage, chart: string): Promise<void> {
  say("Installing the operator: helm upgrade --install kinesis-sink-operator");
  await installOperator(stage, chart);

  say(
    `Creating a topic with ${PARTITIONS} partitions, a stream with ${SHARDS} shards, a Secret, and applying a KinesisSink`,
  );
  const scenario = await createScenario(stage, { name: "orders", ordered, partitions: PARTITIONS, shards: SHARDS });
  try {
    const manifest = scenario.manifest();
    console.log(indent(dump(manifest).trimEnd()));
    process.stdout.write(indent(await stage.kube.apply(manifest)));
    await stage.kube.untilSink(scenario.namespace, scenario.name, "Ready", isReady);
    await move(stage, scenario);
  } finally {
    await scenario.remove({ wait: true });
  }
}

async function move(stage: Stage, { namespace, name, topic, partitions, stream }: Scenario): Promise<void> {
  say(`Producing ${MESSAGES} messages with ${KEYS} keys to ${topic}`);
  const traffic = createTraffic({ serviceUrl: stage.pulsar.serviceUrl, topic, partitions, keys: KEYS });
  await traffic.publish(MESSAGES);
  await traffic.close();

  say(`Reading them back from the stream ${stream}`);
  const read = await until(`${MESSAGES} records in the stream`, async () => {
    const records = await readNumbered(stage.kinesisEndpoint, stream);
    return new Set(records.map(label)).size >= MESSAGES && records;
  });
  show(traffic.produced, read);
  const result = checkGuarantee(traffic.produced, read, ordered ? "ordered" : "unordered");
  if (!result.ok) throw new Error(`the guarantee is broken\n${result.explain()}`);

  say("kubectl get kinesissinks");
  const rate = (sink: { status: { totals?: { ratePerSecond?: number } } }) => sink.status.totals?.ratePerSecond ?? 0;
  await stage.kube.untilSink(namespace, name, "Ready with a rate", (sink) => isReady(sink) && rate(sink) > 0);
  process.stdout.write(indent(await stage.kube.kubectl(["-n", namespace, "get", "kinesissinks", "-o", "wide"])));

  const order = ordered ? `, the order of each of ${KEYS} keys kept` : "";
  say(`Done: ${MESSAGES} produced, ${MESSAGES} read back, none missing, ${result.duplicates} repeated${order}`);
}

/** The first messages of one key as produced and as read, side by side. */
function show(produced: readonly Numbered[], read: readonly Numbered[]): void {
  const key = produced[0]?.key;
  const left = produced.filter((message) => message.key === key).slice(0, SHOWN);
  const right = read.filter((message) => message.key === key).slice(0, SHOWN);
  console.log(`  ${"produced".padEnd(36)}read from Kinesis`);
  for (let i = 0; i < SHOWN; i++) console.log(`  ${text(left[i]).padEnd(36)}${text(right[i])}`);
  console.log(`  … and ${produced.length - left.length} more produced, ${read.length - right.length} more read`);
}

function text(message: Numbered | undefined): string {
  return message === undefined ? "" : `${message.key} #${message.number}`;
}

function label({ topicPartition, key, number }: Numbered): string {
  return `${topicPartition} ${key} ${number}`;
}

function indent(block: string): string {
  return block.replace(/^(?=.)/gm, "  ");
}

function fail(message: string): never {
  console.error(`\n✗ ${message}`);
  process.exit(1);
}
