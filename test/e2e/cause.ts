import assert from "node:assert/strict";
import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { checkStream, createTraffic, type Traffic } from "../load/traffic.ts";
import { until } from "../until.ts";
import { condition, isReady } from "./kube.ts";
import type { Scenario } from "./scenario.ts";
import type { SinkWatch } from "./sink-watch.ts";

/** Something that keeps a sink from moving messages, and that somebody can mend without touching the sink. */
export interface Cause {
  readonly name: string;
  /** Of Ready, and of the condition below. */
  readonly reason: string;
  /** The condition that tells the same of one side. */
  readonly side?: "SourceConnected" | "StreamWritable";
  /** Whether somebody must act: Stalled says so then. */
  readonly stalls: boolean;
  arrange(): Promise<ArrangedCause>;
}

export interface ArrangedCause {
  readonly scenario: Scenario;
  /** What the message of Ready names. */
  readonly words: readonly string[];
  /** What no message may hold. */
  readonly secrets?: readonly string[];
  /** Messages cannot be published while the cause lasts. */
  readonly brokerIsDown?: true;
  /** Further checks while the cause lasts. */
  check?(): Promise<void>;
  mend(): Promise<void>;
  /** What the scenario does not remove. */
  close?(): Promise<void>;
}

const KEYS = 6;
const MESSAGES = 30;

/** Applies the sink, sees the cause named, mends it, and sees messages arrive: those from before and those from after. */
export async function playCause(cause: Cause, arranged: ArrangedCause, watch: SinkWatch): Promise<void> {
  const { scenario, brokerIsDown = false } = arranged;
  const { namespace, name, stage, topic, partitions } = scenario;
  const traffic = createTraffic({ serviceUrl: stage.pulsar.serviceUrl, topic, partitions, keys: KEYS });
  try {
    if (!brokerIsDown) await traffic.publish(MESSAGES);
    await stage.kube.apply(scenario.manifest());
    const broken = await watch.until(namespace, name, `Ready is False, ${cause.reason}`, (sink) =>
      isNamed(sink, cause),
    );
    checkWords(broken, arranged);
    await arranged.check?.();
    const present = watch.history(namespace, name).at(-1);
    assert.ok(present !== undefined && isNamed(present, cause), JSON.stringify(present?.status.conditions));
    assert.deepEqual(readyAtAnyTime(watch, scenario), []);

    await arranged.mend();
    const mended = await watch.until(namespace, name, "Ready, not Stalled", isSound);
    assert.equal(mended.metadata.generation, broken.metadata.generation, "the sink was edited");
    await traffic.publish(MESSAGES);
    await arrived(scenario, traffic);
  } finally {
    await traffic.close();
  }
}

function isNamed(sink: KinesisSink, { reason, side, stalls }: Cause): boolean {
  const ready = condition(sink, "Ready");
  const stalled = condition(sink, "Stalled");
  if (ready?.status !== "False" || ready.reason !== reason) return false;
  if (stalls ? stalled?.reason !== reason : stalled !== undefined) return false;
  if (side === undefined) return true;
  const told = condition(sink, side);
  return told?.status === "False" && told.reason === reason;
}

function checkWords(sink: KinesisSink, { words, secrets = [] }: ArrangedCause): void {
  const message = condition(sink, "Ready")?.message ?? "";
  for (const word of words) assert.ok(message.includes(word), `the message does not name ${word}: ${message}`);
  for (const secret of secrets) assert.ok(!JSON.stringify(sink.status).includes(secret), "the status tells a secret");
}

function isSound(sink: KinesisSink): boolean {
  return isReady(sink) && condition(sink, "Stalled") === undefined;
}

function readyAtAnyTime(watch: SinkWatch, { namespace, name }: Scenario): unknown[] {
  const all = watch.history(namespace, name).map((sink) => condition(sink, "Ready"));
  return all.filter((ready) => ready?.status === "True");
}

/** Waits until the stream holds what was published, by the guarantee of the sink's mode. */
export async function arrived({ stage, stream, ordered }: Scenario, traffic: Pick<Traffic, "produced">): Promise<void> {
  let last = "";
  await until(
    `${traffic.produced.length} messages in stream ${stream}`,
    async () => {
      const mode = ordered ? "ordered" : "unordered";
      const result = await checkStream(traffic.produced, stage.kinesisEndpoint, stream, mode);
      last = result.explain();
      return result.ok;
    },
    { last: () => last },
  );
}
